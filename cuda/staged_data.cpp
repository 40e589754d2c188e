#include "staged_data.hpp"

#include <algorithm>
#include <variant>
#include <vector>

namespace gridrun::cuda {
namespace {

std::vector<std::uint32_t> labels_in_order(const StudySweep& sweep, std::size_t count) {
  std::vector<std::uint32_t> labels(count);
  for (std::size_t s = 0; s < count; ++s) labels[s] = sweep.dataset->labels[sweep.order[s]];
  return labels;
}

std::uint64_t largest_magnitude(const std::vector<std::int64_t>& weights) {
  std::uint64_t largest = 0;
  for (const std::int64_t weight : weights) largest = std::max(largest, magnitude(weight));
  return largest;
}

bool any_negative(const Dataset& dataset) {
  if (dataset.scale < 0) return true;
  const auto* const reals = std::get_if<1>(&dataset.values);
  return reals != nullptr &&
         std::any_of(reals->begin(), reals->end(), [](double x) { return x < 0; });
}

}  // namespace

StagedData::StagedData(Device& device, const StudySweep& sweep)
    : samples_(
          static_cast<std::uint32_t>(std::min<std::size_t>(sweep.order.size(), sweep.iterations))),
      order_(device, {sweep.order.begin(), sweep.order.begin() + samples_}),
      labels_(device, labels_in_order(sweep, samples_)),
      weights_(device, sweep.weights),
      device_(device) {
  const auto& values = sweep.dataset->values;
  if (const auto* bytes = std::get_if<0>(&values))
    bytes_ = DeviceBuffer<std::uint8_t>(device, *bytes);
  else
    reals_ = DeviceBuffer<double>(device, std::get<1>(values));
  view_ = {bytes_.data() ? static_cast<const void*>(bytes_.data()) : reals_.data(),
           bytes_.data() != nullptr,
           order_.data(),
           samples_,
           static_cast<std::uint32_t>(sweep.inputs),
           sweep.dataset->scale,
           any_negative(*sweep.dataset)};
  largest_ = {device.largest_input(view_), device.largest_input_sum(view_), view_.any_negative,
              view_.inputs, largest_magnitude(sweep.weights)};
}

std::uint64_t StagedData::nonzeros(int fraction) {
  const auto known = nonzeros_.find(fraction);
  if (known != nonzeros_.end()) return known->second;
  return nonzeros_[fraction] = device_.count_nonzeros(view_, fraction);
}

}  // namespace gridrun::cuda
