// Resolves a sweep into its networks.

#include <fmt/format.h>

#include <algorithm>

#include "base/message_text.hpp"
#include "gridrun/error.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {
namespace {

/// "precision.weight", or "precision" for what holds for all tensors.
std::string table_of(std::optional<Tensor> tensor) {
  return tensor ? fmt::format("precision.{}", tensor_names[static_cast<std::size_t>(*tensor)])
                : "precision";
}

/// The fraction that a table gives; none if it gives none.
std::optional<int> fraction_of(const PartialFormat& partial, int bits, const std::string& table) {
  if (partial.fraction) return partial.fraction;
  if (!partial.integer) return std::nullopt;
  const int fraction = bits - *partial.integer;
  if (fraction < 0 || fraction > max_fraction)
    throw RequestError(
        fmt::format("{}.integer = {}: words of {} bits are left a fraction of {}, expected 0 to {}",
                    table, *partial.integer, bits, fraction, max_fraction));
  return fraction;
}

/// The format of a tensor of which `own` is said, and `all` of every tensor.
Format resolve(Tensor tensor, const PartialFormat& all, const PartialFormat& own) {
  const std::string table = table_of(tensor);
  Format format;
  format.bits = own.bits.value_or(all.bits.value_or(format.bits));
  format.round = own.round.value_or(all.round.value_or(format.round));
  format.overflow = own.overflow.value_or(all.overflow.value_or(format.overflow));
  format.random_bits = own.random_bits.value_or(all.random_bits.value_or(format.random_bits));
  auto fraction = fraction_of(own, format.bits, table);
  if (!fraction) fraction = fraction_of(all, format.bits, table_of({}));
  if (!fraction)
    throw RequestError(
        fmt::format("{}.fraction is missing, expected it, precision.fraction, precision.integer or "
                    "grid.fraction",
                    table));
  format.fraction = *fraction;
  if (tensor == Tensor::input) format.round = Round::nearest_even;
  return format;
}

/// The formats of a network's tensors, `all` holding the values of its axes.
TensorFormats resolve(PartialFormat all, const std::array<PartialFormat, tensor_count>& tensors) {
  const auto said = [&](Tensor tensor) -> const PartialFormat& {
    return tensors[static_cast<std::size_t>(tensor)];
  };
  const auto format = [&](Tensor tensor) { return resolve(tensor, all, said(tensor)); };
  TensorFormats formats;
  formats.input = format(Tensor::input);
  const bool only_weight = said(Tensor::master).empty() && !said(Tensor::weight).empty();
  const bool only_master = !said(Tensor::master).empty() && said(Tensor::weight).empty();
  formats.master = format(only_weight ? Tensor::weight : Tensor::master);
  formats.weight = format(only_master ? Tensor::master : Tensor::weight);
  if (formats.weight != formats.master && formats.weight.round == Round::stochastic)
    throw RequestError(fmt::format(
        "precision.{} = \"stochastic\": weights that products use are copied from the master's, "
        "expected precision.weight.round = \"nearest_even\" or another that is not stochastic",
        said(Tensor::weight).round ? "weight.round" : "round"));
  formats.accumulator.bits = said(Tensor::accumulator).bits.value_or(formats.accumulator.bits);
  formats.accumulator.overflow =
      said(Tensor::accumulator).overflow.value_or(formats.accumulator.overflow);
  formats.activation = format(Tensor::activation);
  formats.error = format(Tensor::error);
  formats.gradient = format(Tensor::gradient);
  return formats;
}

/// Refuses a right shift over 63 of `what`, from the scale of some tensors to that of another.
void check_shift(int scale, int fraction, const std::string& what, const std::string& key) {
  constexpr int most = 63;
  if (scale - fraction > most)
    throw RequestError(
        fmt::format("{}: {} is at scale 2^-{} and would be shifted right by {} to a fraction of "
                    "{}, expected at most {}",
                    key, what, scale, scale - fraction, fraction, most));
}

void check_shifts(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const bool is_output = layer + 1 == spec.layers();
    const int leak = spec.activation_of(layer) == Activation::leaky_relu ? spec.leak : 0;
    const int input = spec.input_format(layer).fraction;
    check_shift(formats.weight.fraction + input + leak, formats.activation.fraction,
                "a sum of products", "precision.activation");
    check_shift((is_output ? formats.activation.fraction
                           : formats.weight.fraction + formats.error.fraction) +
                    leak,
                formats.error.fraction, "an error", "precision.error");
    check_shift(formats.error.fraction + input, formats.gradient.fraction, "a gradient",
                "precision.gradient");
  }
  check_shift(formats.gradient.fraction + spec.lr, formats.master.fraction, "a step",
              fmt::format("grid.lr = {}", spec.lr));
}

}  // namespace

std::vector<Axis> axes_of(const Sweep& sweep) {
  std::vector<Axis> axes{{"lr", sweep.grid.lr}};
  if (!sweep.grid.fraction.empty()) axes.push_back({"fraction", sweep.grid.fraction});
  if (!sweep.grid.bits.empty()) axes.push_back({"bits", sweep.grid.bits});
  return axes;
}

std::vector<NetworkSpec> networks_of(const Sweep& sweep, const std::vector<std::uint32_t>& units) {
  const auto values_of = [](const std::vector<int>& axis, const std::optional<int>& otherwise) {
    if (axis.empty()) return std::vector<std::optional<int>>{otherwise};
    return std::vector<std::optional<int>>(axis.begin(), axis.end());
  };
  const auto fractions = values_of(sweep.grid.fraction, sweep.precision.all.fraction);
  const auto bits = values_of(sweep.grid.bits, sweep.precision.all.bits);

  NetworkSpec network;
  network.units = units;
  network.activation = sweep.network.activation;
  network.output_activation = sweep.network.output_activation.value_or(sweep.network.activation);
  network.leak = sweep.network.leak;
  network.bias = sweep.network.bias;
  network.init = sweep.init;
  network.batch = sweep.train.batch;
  network.rounding_seed = sweep.train.rounding_seed.value_or(sweep.train.seed);

  std::vector<TensorFormats> formats;  // [fraction][bits]
  for (const auto& fraction : fractions)
    for (const auto& of_bits : bits) {
      PartialFormat all = sweep.precision.all;
      all.fraction = fraction;
      all.bits = of_bits;
      formats.push_back(resolve(all, sweep.precision.tensor));
    }
  std::vector<NetworkSpec> networks;
  networks.reserve(sweep.grid.lr.size() * formats.size());
  for (const int lr : sweep.grid.lr)
    for (const TensorFormats& of_network : formats) {
      network.lr = lr;
      network.formats = of_network;
      check_shifts(network);
      networks.push_back(network);
    }
  return networks;
}

std::vector<NetworkSpec> networks_of(const Sweep& sweep) {
  const auto& layers = sweep.network.layers;
  return networks_of(sweep, layers.empty() ? std::vector<std::uint32_t>{1, 1} : layers);
}

}  // namespace gridrun
