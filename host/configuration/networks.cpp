// Resolves the keys of a sweep into a network.

#include <fmt/format.h>

#include <algorithm>

#include "configuration/cells.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

/// "precision.weight", or "precision" for what holds for all tensors.
std::string table_of(std::optional<Tensor> tensor) {
  return tensor ? fmt::format("precision.{}", tensor_names[static_cast<std::size_t>(*tensor)])
                : "precision";
}

/// The fraction that a tensor's table gives, or precision's; none if it gives none.
std::optional<int> fraction_of(const PartialFormat& partial, int bits,
                               std::optional<Tensor> tensor) {
  if (partial.fraction) return partial.fraction;
  if (!partial.integer) return std::nullopt;
  const int fraction = bits - *partial.integer;
  if (fraction < 0 || fraction > max_fraction)
    throw RequestError(
        fmt::format("{}.integer = {}: words of {} bits are left a fraction of {}, expected 0 to {}",
                    table_of(tensor), *partial.integer, bits, fraction, max_fraction));
  return fraction;
}

/// The format of a tensor of which `own` is said, and `all` of every tensor.
Format resolve(Tensor tensor, const PartialFormat& all, const PartialFormat& own) {
  Format format;
  format.bits = own.bits.value_or(all.bits.value_or(format.bits));
  format.round = own.round.value_or(all.round.value_or(format.round));
  format.overflow = own.overflow.value_or(all.overflow.value_or(format.overflow));
  format.random_bits = own.random_bits.value_or(all.random_bits.value_or(format.random_bits));
  auto fraction = fraction_of(own, format.bits, tensor);
  if (!fraction) fraction = fraction_of(all, format.bits, {});
  if (!fraction)
    throw RequestError(
        fmt::format("{}.fraction is missing, expected it, precision.fraction, precision.integer or "
                    "grid.fraction",
                    table_of(tensor)));
  format.fraction = *fraction;
  if (tensor == Tensor::input) format.round = Round::nearest_even;
  return format;
}

/// The formats of a network's tensors.
TensorFormats resolve(const PartialFormat& all,
                      const std::array<PartialFormat, tensor_count>& tensors) {
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
  if (formats.has_copies() && formats.weight.round == Round::stochastic)
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
/// `value` is the key's, where it has one.
void check_shift(int scale, int fraction, const char* what, const char* key,
                 std::optional<int> value = {}) {
  constexpr int most = 63;
  if (scale - fraction > most)
    throw RequestError(
        fmt::format("{}{}: {} is at scale 2^-{} and would be shifted right by {} to a fraction of "
                    "{}, expected at most {}",
                    key, value ? fmt::format(" = {}", *value) : "", what, scale, scale - fraction,
                    fraction, most));
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
  check_shift(formats.gradient.fraction + spec.lr, formats.master.fraction, "a step", "grid.lr",
              spec.lr);
}

}  // namespace

NetworkSpec network_of(const Sweep& sweep, const std::vector<std::uint32_t>& units_of_data) {
  NetworkSpec network;
  network.units = sweep.network.layers.empty() ? units_of_data : sweep.network.layers;
  network.activation = sweep.network.activation;
  network.output_activation = sweep.network.output_activation.value_or(sweep.network.activation);
  network.leak = sweep.network.leak;
  network.bias = sweep.network.bias;
  network.formats = resolve(sweep.precision.all, sweep.precision.tensor);
  network.init = sweep.init;
  network.lr = sweep.lr;
  network.batch = sweep.train.batch;
  network.rounding_seed = sweep.train.rounding_seed.value_or(sweep.train.seed);
  network.iterations = sweep.train.iterations;
  network.draws = {sweep.train.seed, sweep.train.draw_order, sweep.dataset.order,
                   sweep.train.samples, sweep.dataset.test};
  check_shifts(network);
  return network;
}

}  // namespace gridrun
