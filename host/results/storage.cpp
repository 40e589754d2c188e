#include "results/storage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "configuration/keys.hpp"
#include "gridrun/tensor_formats.hpp"

namespace gridrun {

Storage storage_of(const NetworkSpec& network) {
  const TensorFormats& formats = network.formats;
  const int bits_a_weight = formats.master.bits + (formats.has_copies() ? formats.weight.bits : 0);
  Storage storage;
  storage.activation_bits = static_cast<double>(network.inputs_of(0)) * formats.input.bits;
  for (std::size_t layer = 0; layer < network.layers(); ++layer) {
    storage.weight_bits += static_cast<double>(network.weights_of(layer)) * bits_a_weight;
    storage.activation_bits +=
        static_cast<double>(network.units_of(layer)) * formats.activation.bits;
  }
  return storage;
}

std::string formats_text(const NetworkSpec& network) {
  const auto all = in_order(network.formats);
  constexpr auto sums = static_cast<std::size_t>(Tensor::accumulator);
  std::vector<std::string> texts;
  std::array<bool, tensor_count> told{};
  for (std::size_t tensor = 0; tensor < tensor_count; ++tensor) {
    const Format& format = *all[tensor];
    const std::string overflow = name_of(format.overflow);
    if (tensor == sums) {
      texts.push_back(fmt::format("accumulator: {} bits, {}", format.bits, overflow));
      continue;
    }
    if (told[tensor]) continue;
    std::vector<std::string> names;
    for (std::size_t other = tensor; other < tensor_count; ++other)
      if (other != sums && *all[other] == format) {
        told[other] = true;
        names.emplace_back(tensor_names[other]);
      }
    texts.push_back(fmt::format("{}: {} bits, fraction {}, {}, {}", fmt::join(names, ", "),
                                format.bits, format.fraction, name_of(format.round), overflow));
  }
  return fmt::format("{}", fmt::join(texts, "; "));
}

std::vector<FrontPoint> pareto_front(std::vector<FrontPoint> points) {
  std::stable_sort(points.begin(), points.end(), [](const FrontPoint& a, const FrontPoint& b) {
    if (a.storage.bits() != b.storage.bits()) return a.storage.bits() < b.storage.bits();
    return a.value.middle > b.value.middle;
  });
  std::vector<FrontPoint> front;
  for (const FrontPoint& point : points)
    if (front.empty() || point.value.middle > front.back().value.middle) front.push_back(point);
  return front;
}

}  // namespace gridrun
