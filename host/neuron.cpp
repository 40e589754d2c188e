#include "neuron.hpp"

#include <algorithm>
#include <new>

namespace gridrun {
namespace {

template <typename Word>
hwy::AlignedFreeUniquePtr<Word[]> allocate(std::size_t count) {
  auto words = hwy::AllocateAligned<Word>(count);
  if (!words) throw std::bad_alloc();
  return words;
}

}  // namespace

GroupSetting::GroupSetting(const LaneGroup& group, const SparseSamples& samples,
                           Activation the_activation)
    : activation(the_activation),
      one_fraction(group.one_fraction),
      error_shift(2 + samples.input_bits()),
      input_bits(samples.input_bits()),
      activation_bits(28 - input_bits) {
  for (std::size_t lane = 0; lane < group_lanes; ++lane) {
    lr[lane] = group.networks[lane].lr;
    fraction[lane] = group.networks[lane].fraction;
  }
  finest_fraction = *std::max_element(fraction.begin(), fraction.end());
  narrow = finest_fraction + input_bits <= 27;  // so |target| * 2^input_bits <= 2^27 as well
  short_z = finest_fraction + input_bits <= 14;
  const std::size_t columns = one_fraction ? 1 : group_lanes;
  wide_inputs.reserve(samples.values().size() * columns);
  for (const double value : samples.values())
    for (std::size_t lane = 0; lane < columns; ++lane)
      wide_inputs.push_back(quantise(value, fraction[lane]));
  if (!narrow) return;
  narrow_inputs.assign(wide_inputs.begin(), wide_inputs.end());
  if (short_z)
    for (const std::int32_t x : narrow_inputs) short_inputs.push_back(x & 0xffff);
  update_inputs.reserve(narrow_inputs.size());
  for (std::size_t i = 0; i < narrow_inputs.size(); ++i)
    update_inputs.push_back(narrow_inputs[i] << (30 - fraction[i % columns] - input_bits));
}

TrainingStatistics& TrainingStatistics::operator+=(const TrainingStatistics& other) {
  narrow_steps += other.narrow_steps;
  short_steps += other.short_steps;
  wide_steps += other.wide_steps;
  widened += other.widened;
  half_updates += other.half_updates;
  long_update_sums += other.long_update_sums;
  weight_scans += other.weight_scans;
  return *this;
}

Neuron::Neuron(std::size_t the_index, const StagedSweep& sweep, const GroupSetting& setting)
    : index(the_index), inputs(sweep.inputs) {
  const std::int64_t* initial = &sweep.weights[index * inputs];
  std::uint64_t largest = 0;
  for (std::size_t k = 0; k < inputs; ++k) largest = std::max(largest, magnitude(initial[k]));

  const auto spread = [&](auto* weights) {
    using Weight = std::remove_pointer_t<decltype(weights)>;
    for (std::size_t k = 0; k < inputs; ++k)
      std::fill_n(weights + k * group_lanes, group_lanes, static_cast<Weight>(initial[k]));
  };
  if (setting.narrow && largest <= narrow_weight_limit) {
    narrow_weights = allocate<std::int32_t>(inputs * group_lanes);
    spread(narrow_weights.get());
    for (std::size_t k = 0; k < inputs; ++k) initial_weight_sum += initial[k];
    weight_bound.emplace(static_cast<std::int32_t>(largest), setting.short_z);
  } else {
    wide_weights = allocate<std::int64_t>(inputs * group_lanes);
    spread(wide_weights.get());
  }
}

void Neuron::train(const StepBlock& block, ActivationLog& log, TrainingStatistics& statistics) {
  log.clear();
  std::uint32_t done = 0;
  if (is_narrow()) {
    done = train_narrow(block, *this, log, statistics);
    statistics.narrow_steps += done;
    if (done == block.steps) return;
    widen(*block.setting);
    ++statistics.widened;
  }
  train_wide(block, done, *this, log);
  statistics.wide_steps += block.steps - done;
}

void Neuron::finish(const GroupSetting& setting) {
  if (is_narrow()) end_narrow(setting);
}

/// While weights are narrow nothing wraps, so they have moved by the sum of u >> lr, and
///     sum of u - (u >> lr) 2^lr  =  sum of u - 2^lr (sum of weights now - at first).
void Neuron::end_narrow(const GroupSetting& setting) {
  for (std::size_t lane = 0; lane < group_lanes; ++lane) {
    std::int64_t moved = -initial_weight_sum;
    for (std::size_t k = 0; k < inputs; ++k) moved += narrow_weights[k * group_lanes + lane];
    const auto kept = static_cast<WideSum>(moved) << setting.lr[lane];
    sum_dropped[lane] += sum_update[lane] - kept;
  }
}

void Neuron::widen(const GroupSetting& setting) {
  end_narrow(setting);
  wide_weights = allocate<std::int64_t>(inputs * group_lanes);
  std::copy_n(narrow_weights.get(), inputs * group_lanes, wide_weights.get());
  narrow_weights.reset();
  weight_bound.reset();
}

}  // namespace gridrun
