#include "results/label.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "gridrun/tensor_formats.hpp"

namespace gridrun {
namespace {

constexpr double saturated_share = 0.01, lost_share = 0.9, drift_share = 0.5, dead_share = 0.5;

constexpr std::array<const char*, label_count> names = {
    "learned", "diverged", "saturated", "frozen", "drifting", "dead", "undertrained"};

const Format& format_of(const NetworkSpec& network, Tensor tensor) {
  return *in_order(network.formats)[static_cast<std::size_t>(tensor)];
}

/// How many values of a tensor a layer has in all of training, or nearly.
double values_of(const NetworkSpec& network, std::size_t layer, Tensor tensor,
                 const LayerDiagnostics& counts) {
  const double steps = network.iterations;
  switch (tensor) {
    case Tensor::input:
      return steps * static_cast<double>(network.inputs_of(layer));
    case Tensor::master:
    case Tensor::weight:
    case Tensor::gradient:
      return static_cast<double>(counts.updates);
    default:
      return steps * static_cast<double>(network.units_of(layer));
  }
}

bool has_diverged(const NetworkSpec& network, const LayerDiagnostics& counts) {
  constexpr int widest = 64;
  for (std::size_t t = 0; t < tensor_count; ++t) {
    const auto tensor = static_cast<Tensor>(t);
    const Format& format = format_of(network, tensor);
    if (tensor == Tensor::input || format.overflow != Overflow::wrap) continue;
    if (counts.of(tensor).bits > format.bits || counts.of(tensor).bits >= widest) return true;
  }
  return false;
}

bool is_saturated(const NetworkSpec& network, std::size_t layer, const LayerDiagnostics& counts) {
  for (std::size_t t = 0; t < tensor_count; ++t) {
    const auto tensor = static_cast<Tensor>(t);
    const auto overflowed = static_cast<double>(counts.of(tensor).overflowed);
    if (overflowed > 0 && format_of(network, tensor).overflow != Overflow::wrap &&
        overflowed >= saturated_share * values_of(network, layer, tensor, counts))
      return true;
  }
  return false;
}

/// Bits of u that the learning rate drops; negative: steps are left shifts.
int dropped_bits(const NetworkSpec& network) {
  return network.formats.gradient.fraction + network.lr - network.formats.master.fraction;
}

}  // namespace

std::string name_of(Label label) { return names[static_cast<std::size_t>(label)]; }

char letter_of(Label label) { return ".DSFdxu"[static_cast<std::size_t>(label)]; }

double rounding_drift(const NetworkSpec& network, std::size_t layer,
                      const LayerDiagnostics& counts) {
  const int scale = network.formats.error.fraction + network.input_format(layer).fraction;
  const int shift = scale + network.lr - network.formats.master.fraction;
  return static_cast<double>(counts.step) - std::ldexp(static_cast<double>(counts.product), -shift);
}

std::array<int, tensor_count> fractions_of(const NetworkSpec& network, std::size_t layer) {
  std::array<int, tensor_count> fractions{};
  for (std::size_t tensor = 0; tensor < tensor_count; ++tensor)
    fractions[tensor] = format_of(network, static_cast<Tensor>(tensor)).fraction;
  fractions[static_cast<std::size_t>(Tensor::accumulator)] =
      network.formats.weight.fraction + network.input_format(layer).fraction;
  return fractions;
}

Label cause_of(const NetworkSpec& network, const std::vector<LayerSums>& sums,
               const std::vector<LayerDiagnostics>& counts, std::uint32_t window) {
  double updates = 0, lost = 0;
  bool diverged = false, saturated = false, drifting = false;
  for (std::size_t layer = 0; layer < counts.size(); ++layer) {
    diverged = diverged || has_diverged(network, counts[layer]);
    saturated = saturated || is_saturated(network, layer, counts[layer]);
    const double drift = std::abs(rounding_drift(network, layer, counts[layer]));
    const double moved =
        std::ldexp(static_cast<double>(sums[layer].abs_update), -dropped_bits(network));
    drifting = drifting || (drift > 0 && drift >= drift_share * moved);
    updates += static_cast<double>(counts[layer].updates);
    lost += static_cast<double>(counts[layer].lost);
  }
  const LayerDiagnostics& output = counts.back();
  const bool dead = static_cast<double>(output.inactive) >= dead_share * network.iterations ||
                    output.last_inactive >= window;
  if (diverged) return Label::diverged;
  if (saturated) return Label::saturated;
  if (updates == 0) return dead ? Label::dead : Label::frozen;
  // Updates that are lost at random are made up for by those that are not.
  const bool at_random = network.formats.master.round == Round::stochastic;
  if (!at_random && lost >= lost_share * updates) return Label::frozen;
  if (drifting) return Label::drifting;
  if (dead) return Label::dead;
  return Label::undertrained;
}

}  // namespace gridrun
