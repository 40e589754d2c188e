#include "general/network_plan.hpp"

#include <algorithm>
#include <cstdint>

#include "gridrun/tensor_formats.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun::cuda {
namespace {

/// Weights that keep a lane busy for a step: fewer are not worth a barrier's wait for it, and
/// beyond most_small_lanes, whose barriers take long, a multiple of them. Measured
/// (cuda/README.md).
constexpr std::uint64_t weights_of_lane = 64, weights_of_more_lanes = 1024;
constexpr std::uint32_t most_small_lanes = 512;
/// Lanes of small plain networks, at most, for each byte of a weight: shorter words leave each lane
/// more units at once. Measured too.
constexpr std::uint32_t lanes_of_plain_word_byte = 128;

Fitting fitting(int scale, const Format& format) {
  const int shift = scale - format.fraction;
  return {shift,
          format.bits,
          format.random_bits,
          format.round,
          format.overflow,
          shift > 0 ? rounding_of(format.round, shift) : Rounding{},
          smallest_word(format.bits, format.overflow),
          largest_word(format.bits)};
}

/// For formats of at most 30 bits: a rounding's shift, and a format's overflow.
NarrowFitting narrow_fitting(const Fitting& shifted, const Format& format) {
  const bool wraps = format.overflow == Overflow::wrap;
  const auto number = [](auto value) { return static_cast<std::int32_t>(value); };
  return {shifted.shift,
          number(shifted.rounding.add),
          number(shifted.rounding.add_below_zero),
          number(shifted.rounding.odd),
          wraps ? 32 - format.bits : 0,
          wraps ? INT32_MIN : number(smallest_word(format.bits, format.overflow)),
          wraps ? INT32_MAX : number(largest_word(format.bits))};
}

AtRandom rounds_at_random(const TensorFormats& formats) {
  return static_cast<AtRandom>((formats.gradient.round == Round::stochastic) +
                               (formats.master.round == Round::stochastic));
}

Overflows overflows_of(const Format& gradient, const Format& master) {
  const int wrapping = (gradient.overflow == Overflow::wrap) + (master.overflow == Overflow::wrap);
  return wrapping == 0 ? Overflows::saturate : wrapping == 2 ? Overflows::wrap : Overflows::any;
}

/// The shift and rounding of u to the master weights.
Fitting fitting_of_step(const NetworkSpec& spec) {
  return fitting(spec.formats.gradient.fraction + spec.lr, spec.formats.master);
}

/// Inputs that keep a lane busy: fewer are not worth adding up one more share of a sum.
constexpr std::uint32_t inputs_of_share = 4;

/// Shares of a sum that a lane adds up before others help it.
constexpr std::uint32_t shares_of_lane = 10;

/// How `lanes` lanes share a layer's units.
void share_units(LayerPlace& at, std::uint32_t lanes, std::uint32_t most_width) {
  const std::uint32_t warps = lanes / warp_lanes;
  const bool in_pairs = most_width > 1 && at.units % 2 == 0 && at.units / 2 <= warps;
  at.by_warps = at.units <= warps || in_pairs;
  if (at.by_warps) {
    at.width = at.units <= warps ? 1 : 2;
    return;
  }
  at.width = at.units % most_width == 0 ? most_width : 1;
  at.tile = std::min(at.units, lanes * at.width);
  const std::uint32_t groups = at.tile / at.width;
  at.shares = std::max(1U, std::min(lanes / groups, (at.inputs + 1) / inputs_of_share));
  at.inverse = division_inverse(groups);
  at.unit_lanes_log2 = 0;
  const auto lanes_with = [&at](int more) { return 1U << (at.unit_lanes_log2 + more); };
  while (lanes_with(0) * shares_of_lane < at.shares && lanes_with(1) * at.tile <= lanes &&
         lanes_with(0) < warp_lanes)
    ++at.unit_lanes_log2;
}

/// Networks that a multiprocessor trains at once where there are more than so many for each: one
/// alone mostly waits, for latencies and at barriers. By the replay of cuda/README.md.
constexpr std::size_t crowd = 3;

/// The layout of networks of which a multiprocessor has registers for so many at once.
NetworkLayout lay_out_beside(const std::vector<std::uint32_t>& units, std::size_t word, bool plain,
                             bool counts, const DeviceLimits& limits, std::size_t at_once) {
  const auto with = [&](std::size_t most_lanes, bool as_plain) {
    const std::size_t lanes = most_lanes / at_once / warp_lanes * warp_lanes;
    const NetworkPlaces places(units, word, static_cast<std::uint32_t>(lanes));
    return NetworkLayout{places, choose_network_launch(places, as_plain, counts, limits)};
  };
  if (!plain) return with(most_network_lanes, false);
  NetworkLayout layout = with(most_plain_lanes, true);
  if (!layout.launch.shared_vectors) return with(most_network_lanes, false);
  const std::size_t small_lanes = lanes_of_plain_word_byte * word;
  if (layout.places.lanes <= most_small_lanes && layout.places.lanes > small_lanes)
    layout = with(small_lanes * at_once, true);
  layout.launch.plain = true;
  return layout;
}

}  // namespace

NetworkPlaces::NetworkPlaces(const std::vector<std::uint32_t>& units, std::size_t word_bytes,
                             std::uint32_t most_lanes, std::uint32_t row_multiple)
    : word(word_bytes) {
  const auto round_up = [](auto count, unsigned to) { return (count + to - 1) / to * to; };
  const auto take = [this, &round_up](std::uint32_t words) {
    const std::uint32_t first = vector_words;
    vector_words += round_up(words, 2);  // of 16 bytes a multiple, as terms are
    return first;
  };
  const auto term_words = static_cast<std::uint32_t>(value_bytes() / 4);
  for (std::size_t layer = 0; layer + 1 < units.size(); ++layer) {
    LayerPlace at{};
    at.inputs = units[layer];
    at.units = units[layer + 1];
    at.stride = round_up(at.units, row_multiple);
    at.weights = weights;
    at.terms = take(term_words * (at.inputs + 1));
    at.sums = take(at.units);
    at.activations = take(at.units);
    at.errors = take(term_words * at.units);
    weights += round_up((std::uint64_t{at.inputs} + 1) * at.stride, 8);
    layers.push_back(at);
  }
  const auto lanes_for = [this](std::uint64_t of_lane, std::uint64_t most) {
    return std::min(warp_lanes * (weights / (of_lane * warp_lanes) + 1), most);
  };
  lanes = static_cast<std::uint32_t>(
      std::max(lanes_for(weights_of_lane, std::min<std::uint64_t>(most_small_lanes, most_lanes)),
               lanes_for(weights_of_more_lanes, most_lanes)));
  for (LayerPlace& at : layers) share_units(at, lanes, static_cast<std::uint32_t>(8 / word));
}

DeviceNetwork device_network(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  DeviceNetwork network{};
  network.accumulator = fitting(0, formats.accumulator);
  network.step = fitting_of_step(spec);
  network.master = fitting(0, formats.master);
  network.copy = fitting(formats.master.fraction, formats.weight);
  network.input = fitting(0, formats.input);
  network.input_fraction = formats.input.fraction;
  network.target = one_of(formats.activation);
  network.rounding_seed = spec.rounding_seed;
  network.bias = spec.bias;
  network.has_copies = formats.has_copies();
  network.rounds_at_random = rounds_at_random(formats);
  return network;
}

bool updates_in_32_bits(const NetworkSpec& spec, std::size_t layer) {
  const TensorFormats& formats = spec.formats;
  const int product = spec.input_format(layer).bits + formats.error.bits;  // P has less
  const int to_gradient =
      formats.error.fraction + spec.input_format(layer).fraction - formats.gradient.fraction;
  const int to_step = formats.gradient.fraction + spec.lr - formats.master.fraction;
  if ((to_gradient == 0 && formats.gradient.round == Round::stochastic) ||
      (to_step == 0 && formats.master.round == Round::stochastic))
    return false;  // a number is drawn only where something is shifted out
  return (spec.batch > 1 || product <= 32) && formats.gradient.bits <= 30 &&
         formats.master.bits <= 30 && to_gradient >= 0 && to_gradient <= 30 && to_step >= 0 &&
         to_step <= 30;
}

std::uint32_t least_in_fours(const NetworkSpec& spec, std::size_t layer) {
  const auto units = static_cast<std::uint32_t>(spec.units_of(layer));
  const bool may = updates_in_32_bits(spec, layer) && units % 4 == 0 &&
                   rounds_at_random(spec.formats) != AtRandom::none;
  return may ? (units + 2) / 3 : units + 1;
}

std::vector<LayerArithmetic> layer_arithmetic(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  std::vector<LayerArithmetic> all;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const Format& input = spec.input_format(layer);
    const int sum = formats.weight.fraction + input.fraction;
    const bool is_last = layer + 1 == spec.layers();
    const int error =
        is_last ? formats.activation.fraction : formats.weight.fraction + formats.error.fraction;
    LayerArithmetic& of_layer = all.emplace_back();
    of_layer.activation = fitting(sum, formats.activation);
    of_layer.leaking_activation = fitting(sum + spec.leak, formats.activation);
    of_layer.error = fitting(error, formats.error);
    of_layer.leaking_error = fitting(error + spec.leak, formats.error);
    of_layer.gradient = fitting(formats.error.fraction + input.fraction, formats.gradient);
    of_layer.one = one_of(input);
    of_layer.kind = spec.activation_of(layer);
    of_layer.updates_in_32_bits = updates_in_32_bits(spec, layer);
    of_layer.least_in_fours = least_in_fours(spec, layer);
    if (of_layer.updates_in_32_bits) {
      NarrowArithmetic& narrow = of_layer.narrow;
      narrow.gradient = narrow_fitting(of_layer.gradient, formats.gradient);
      narrow.master = narrow_fitting(fitting_of_step(spec), formats.master);
      narrow.added = std::max(narrow.gradient.added(), narrow.master.added());
      narrow.overflows = overflows_of(formats.gradient, formats.master);
    }
  }
  return all;
}

std::size_t weight_bytes(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  for (const Format* format : in_order(formats))
    if (format != &formats.accumulator && format->bits > 32) return 8;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    if (spec.weights_of(layer) >> 32 != 0) return 8;
  return formats.master.bits <= 16 ? 2 : 4;
}

std::vector<DrawnWeights> drawn_weights(const NetworkSpec& spec) {
  std::vector<DrawnWeights> all;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const WeightDraw draw(spec, layer);
    all.push_back({draw.mean, draw.std, draw.unit});
  }
  return all;
}

bool is_plain(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  for (const Format* format :
       {&formats.activation, &formats.error, &formats.gradient, &formats.master})
    if (format->round == Round::stochastic) return false;
  if (spec.batch != 1 || formats.has_copies() || weight_bytes(spec) == 8) return false;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    if (!updates_in_32_bits(spec, layer)) return false;
  return true;
}

NetworkLaunch choose_network_launch(const NetworkPlaces& places, bool plain, bool counts,
                                    const DeviceLimits& limits) {
  NetworkLaunch launch;
  launch.word = places.word;
  launch.counts = counts;
  launch.lanes = places.lanes;
  std::uint64_t words = places.lanes * (8 / places.word);  // parts of sums
  const auto take = [&](std::uint64_t more) {
    const auto first = static_cast<std::uint32_t>(words);
    words += (more + 1) / 2 * 2;  // of 16 bytes a multiple
    return first;
  };
  const auto fits = [&](std::uint64_t more) {
    return 8 * (words + more + 1) <= limits.shared_of_block;
  };
  launch.shared.counters = take(places.layers.size());
  const std::uint64_t table_words = network_table_bytes(places.layers.size()) / 8;
  launch.shared_vectors = fits(table_words + places.vector_words);
  if (launch.shared_vectors) {
    launch.shared.tables = take(table_words);
    launch.shared.vectors = take(places.vector_words);
  }
  const std::uint64_t weight_words = (places.weights * places.word + 7) / 8;
  launch.shared_weights =
      (plain || places.word > 2) && !counts && launch.shared_vectors && fits(weight_words);
  if (launch.shared_weights) launch.shared.weights = take(weight_words);
  const std::uint64_t sum_words = places.layers.size() * places.lanes * (sizeof(LaneSums) / 8);
  launch.shared_sums = !counts && places.word < 8 && fits(sum_words);
  if (launch.shared_sums) launch.shared.sums = take(sum_words);
  launch.shared_bytes = 8 * words;
  return launch;
}

NetworkLayout lay_out_networks(const std::vector<std::uint32_t>& units, std::size_t word,
                               bool plain, bool counts, const DeviceLimits& limits,
                               std::size_t networks) {
  const NetworkLayout alone = lay_out_beside(units, word, plain, counts, limits, 1);
  const auto most_lanes =
      static_cast<std::uint32_t>(alone.launch.plain ? most_plain_lanes : most_network_lanes);
  const bool two_fit =  // beside each other with their weights
      alone.launch.shared_weights && alone.launch.shared_bytes <= limits.shared_of_each(2) &&
      2 * alone.launch.lanes <= most_lanes;
  if (networks <= crowd * static_cast<std::size_t>(limits.multiprocessors) || two_fit) return alone;
  DeviceLimits of_each = limits;
  of_each.shared_of_block = limits.shared_of_each(crowd);
  const NetworkLayout crowded = lay_out_beside(units, word, plain, counts, of_each, crowd);
  const bool is_like = crowded.launch.plain == alone.launch.plain &&
                       crowded.launch.shared_vectors == alone.launch.shared_vectors;
  return is_like ? crowded : alone;
}

std::uint32_t most_launch_steps(const NetworkPlaces& places) {
  std::uint64_t most = 1;  // terms of a step of a lane, which may take four neighbours at once
  for (const LayerPlace& at : places.layers)
    most = std::max(most, (std::uint64_t{at.inputs} + 1) * (at.units / places.lanes + 1) + 4);
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(1, std::min<std::uint64_t>(most_lane_terms / most - 1, ~0U)));
}

}  // namespace gridrun::cuda
