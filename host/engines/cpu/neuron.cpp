#include "engines/cpu/neuron.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

#include "gridrun/weights_digest.hpp"

namespace gridrun {
namespace {

/// quantise() of what is at most 2^27, `unit` being 2^fraction: next to 1.5 * 2^52 a double has no
/// place below 1, so that the addition rounds, half to even.
std::int32_t quantise_narrow(double input, double unit) {
  constexpr double no_places = 0x1.8p52;
  return static_cast<std::int32_t>((input * unit + no_places) - no_places);
}

}  // namespace

GroupSetting::GroupSetting(const LaneGroup& group, const SparseSamples& samples,
                           Activation the_activation)
    : activation(the_activation),
      one_fraction(group.one_fraction),
      members((LaneSet{1} << group.members.size()) - 1),
      narrow(0),
      error_shift(2 + samples.input_bits()),
      some_vanish(false),
      finest_fraction(0),
      input_bits(samples.input_bits()),
      activation_bits(28 - input_bits) {
  for (std::size_t lane = 0; lane < group_lanes; ++lane) {
    lr[lane] = group.networks[lane].lr;
    fraction[lane] = group.networks[lane].fraction;
    // So |target| * 2^input_bits <= 2^27 as well.
    if (holds(members, lane) && fraction[lane] + input_bits <= 27) {
      narrow |= LaneSet{1} << lane;
      finest_fraction = std::max(finest_fraction, fraction[lane]);
    }
  }
  short_z = finest_fraction + input_bits <= 14;
  const std::size_t columns = one_fraction ? 1 : group_lanes;
  if (narrow == 0) {
    if (!one_fraction) return;
    wide_inputs.reserve(samples.values().size());
    for (const double value : samples.values())
      wide_inputs.push_back(magnitude(quantise(value, fraction[0])));
    return;
  }
  const std::vector<double>& values = samples.values();
  narrow_inputs.resize(values.size() * columns);
  update_inputs.resize(values.size() * columns);
  for (std::size_t lane = 0; lane < columns; ++lane) {
    if (!holds(narrow, lane)) continue;
    const double unit = std::ldexp(1.0, fraction[lane]);
    const int to_update = update_shift(fraction[lane], input_bits);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::int32_t x = quantise_narrow(values[i], unit);
      narrow_inputs[i * columns + lane] = x;
      update_inputs[i * columns + lane] = x << to_update;
      some_vanish = some_vanish || (x == 0 && values[i] != 0);
    }
  }
  if (short_z)
    for (const std::int32_t x : narrow_inputs) short_inputs.push_back(x & 0xffff);
}

TrainingStatistics& TrainingStatistics::operator+=(const TrainingStatistics& other) {
  narrow_steps += other.narrow_steps;
  short_steps += other.short_steps;
  wide_steps += other.wide_steps;
  widened += other.widened;
  half_updates += other.half_updates;
  long_update_sums += other.long_update_sums;
  weight_scans += other.weight_scans;
  falling_updates += other.falling_updates;
  return *this;
}

LayerDiagnostics NeuronCounts::of(std::size_t lane, int fraction, Activation activation) const {
  LayerDiagnostics all;
  const auto bits = [&](const Ends& ends) {
    return std::max(word_width(ends.least[lane]), word_width(ends.most[lane]));
  };
  // Nothing overflows words of 64 bits, and a rises with z.
  const bool relu = activation == Activation::relu;
  all.of(Tensor::accumulator).bits = bits(sum);
  all.of(Tensor::activation).bits =
      std::max(word_width(relu ? 0 : floor_shift(sum.least[lane], fraction)),
               word_width(floor_shift(sum.most[lane], fraction)));
  all.of(Tensor::error).bits = bits(error);
  all.of(Tensor::gradient).bits = bits(update);
  all.of(Tensor::master).bits = bits(weight);
  all.updates = updates[lane];
  all.lost = lost[lane];
  all.step = step[lane];
  all.product = product[lane];
  return all;
}

Neuron::Neuron(std::size_t the_index, const StudySweep& sweep, const SparseSamples& samples,
               const GroupSetting& setting)
    : index(the_index), inputs(sweep.inputs) {
  if (sweep.diagnose) counts = std::make_unique<NeuronCounts>();
  const std::int64_t* initial = &sweep.weights[index * inputs];
  std::uint64_t largest = 0;
  for (std::size_t k = 0; k < inputs; ++k) largest = std::max(largest, magnitude(initial[k]));

  if (largest <= narrow_weight_limit) narrow_lanes = setting.narrow;
  if (narrow_lanes != 0) {
    narrow_weights = hwy::AllocateAligned<std::int32_t>(inputs * group_lanes);
    if (!narrow_weights) throw std::bad_alloc();
    for (std::size_t k = 0; k < inputs; ++k) {
      initial_weight_sum += initial[k];
      for (std::size_t lane = 0; lane < group_lanes; ++lane)
        narrow_weights[k * group_lanes + lane] =
            holds(narrow_lanes, lane) ? static_cast<std::int32_t>(initial[k]) : 0;
    }
    weight_bound.emplace(static_cast<std::int32_t>(largest), setting.short_z);
  }
  for (std::size_t lane = 0; lane < group_lanes; ++lane)
    if (holds(setting.members & ~narrow_lanes, lane))
      widen(lane, setting, [&](std::size_t k) { return initial[k]; });
  if (!setting.one_fraction) wide.set_inputs(samples);
}

void Neuron::train(const StepBlock& block, ActivationLog& log, TrainingStatistics& statistics) {
  log.clear();
  for (std::uint32_t begin = 0; begin < block.steps;) {
    NarrowEnd end{block.steps, 0};
    if (narrow_lanes != 0) {
      end = train_narrow(block, begin, *this, log, statistics);
      statistics.narrow_steps += end.step - begin;
    }
    if (wide.count != 0) {
      train_wide(block, begin, end.step, *this, log);
      statistics.wide_steps += std::uint64_t{end.step - begin} * wide.count;
    }
    if (end.leaving != 0) leave(end.leaving, block, statistics);
    begin = end.step;
  }
}

void Neuron::finish(const GroupSetting& setting, std::size_t units) {
  for (std::size_t lane = 0; lane < group_lanes; ++lane) {
    if (holds(narrow_lanes, lane)) end_narrow(lane, setting);
    if (holds(setting.members, lane))
      visit_weights(lane, [&](std::size_t k, std::int64_t w) {
        weights_digest[lane] += weight_digest(w, k * units + index);
      });
  }
}

/// While weights are narrow nothing wraps, so they have moved by the sum of u >> lr, and
///     sum of u - (u >> lr) 2^lr  =  sum of u - 2^lr (sum of weights now - at first).
void Neuron::end_narrow(std::size_t lane, const GroupSetting& setting) {
  std::int64_t moved = -initial_weight_sum;
  for (std::size_t k = 0; k < inputs; ++k) moved += narrow_weights[k * group_lanes + lane];
  const auto kept = static_cast<WideSum>(moved) << setting.lr[lane];
  sum_dropped[lane] += sum_update[lane] - kept;
  if (counts) counts->step[lane] += moved;
}

void Neuron::leave(LaneSet lanes, const StepBlock& block, TrainingStatistics& statistics) {
  std::int32_t largest = 0;
  for (std::size_t lane = 0; lane < group_lanes; ++lane) {
    std::int32_t* const w = narrow_weights.get() + lane;
    if (holds(lanes, lane)) {
      end_narrow(lane, *block.setting);
      widen(lane, *block.setting,
            [&](std::size_t k) { return std::exchange(w[k * group_lanes], 0); });
      ++statistics.widened;
    }
    for (std::size_t k = 0; k < inputs; ++k)
      largest = std::max(largest, std::abs(w[k * group_lanes]));
  }
  if (!block.setting->one_fraction) wide.set_inputs(*block.samples);
  narrow_lanes &= ~lanes;
  weight_bound.emplace(largest, block.setting->short_z);
  if (narrow_lanes == 0) narrow_weights.reset();
}

template <typename WeightOf>
void Neuron::widen(std::size_t lane, const GroupSetting& setting, WeightOf&& weight_of) {
  const std::size_t place = wide.count;
  wide.add({lane, setting.lr[lane], setting.fraction[lane]}, inputs);
  for (std::size_t k = 0; k < inputs; ++k) wide.weights[k * wide.stride + place] = weight_of(k);
}

}  // namespace gridrun
