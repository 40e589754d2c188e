#include "general/step_samples.hpp"

#include <algorithm>
#include <variant>

namespace gridrun::cuda {
namespace {

constexpr std::size_t most_values = std::size_t{1} << 23;

std::uint64_t value_bytes(const StagedSweep& sweep) {
  return sweep.dataset->values.index() == 0 ? 1 : sizeof(double);
}

/// Empties a list, and leaves it room for so many values and no more than were ever asked for.
template <typename Value>
void make_room(std::vector<Value>& list, std::size_t size) {
  list.clear();
  if (list.capacity() >= size) return;
  list = std::vector<Value>();  // first
  list.reserve(size);
}

}  // namespace

void StepSamples::read(const std::vector<std::uint32_t>& order, std::uint32_t first,
                       std::uint32_t count) {
  make_room(labels_, count);
  for (std::uint32_t i = 0; i < count; ++i)
    labels_.push_back(dataset_.labels[order[(std::size_t{first} + i) % order.size()]]);
  std::visit(
      [&](const auto& values) {
        auto& rows = std::get<std::remove_cvref_t<decltype(values)>>(rows_);
        make_room(rows, count * dataset_.inputs);
        for (std::uint32_t i = 0; i < count; ++i) {
          const std::size_t sample = order[(std::size_t{first} + i) % order.size()];
          const auto row = values.begin() + static_cast<std::ptrdiff_t>(sample * dataset_.inputs);
          rows.insert(rows.end(), row, row + static_cast<std::ptrdiff_t>(dataset_.inputs));
        }
      },
      dataset_.values);
}

StoredSamples StepSamples::upload(Device& device) {
  const bool has_bytes = dataset_.values.index() == 0;
  const void* values = has_bytes
                           ? static_cast<const void*>(stored_bytes_.put(device, std::get<0>(rows_)))
                           : stored_reals_.put(device, std::get<1>(rows_));
  return {values, has_bytes, device_labels_.put(device, labels_),
          static_cast<std::uint32_t>(labels_.size())};
}

StepInputs StepSamples::list(Device& device) {
  const StoredSamples stored = upload(device);
  const std::size_t values = std::size_t{stored.count} * dataset_.inputs;
  ListArguments list{};
  list.stored = stored.values;
  list.scale = dataset_.scale;
  list.samples = stored.count;
  list.inputs = static_cast<std::uint32_t>(dataset_.inputs);
  list.counts = counts_.room(device, stored.count);
  list.index = index_.room(device, values);
  if (stored.bytes)
    list.bytes = bytes_.room(device, values);
  else
    list.reals = reals_.room(device, values);
  device.list_inputs(list);
  return {list.counts, list.index, list.bytes, list.reals, stored.labels};
}

std::uint32_t StepSamples::most_steps(const StagedSweep& sweep) {
  return static_cast<std::uint32_t>(std::max<std::size_t>(1, most_values / sweep.inputs()));
}

std::uint64_t StepSamples::bytes(const StagedSweep& sweep, std::uint64_t steps) {
  return steps * (sweep.inputs() * (sizeof(std::uint32_t) + 2 * value_bytes(sweep)) +
                  2 * sizeof(std::uint32_t));
}

std::uint64_t StepSamples::stored_bytes(const StagedSweep& sweep, std::uint64_t steps) {
  return steps * (sweep.inputs() * value_bytes(sweep) + sizeof(std::uint32_t));
}

}  // namespace gridrun::cuda
