#include "engines/cpu/wide_lanes.hpp"

#include <algorithm>
#include <new>

namespace gridrun {

void WideLanes::add(const Source& source, std::size_t input_count) {
  if (count == stride) {
    const std::size_t wider = stride == 0 ? 4 : stride == 4 ? 8 : group_lanes;
    auto moved = hwy::AllocateAligned<std::int64_t>(input_count * wider);
    if (!moved) throw std::bad_alloc();
    std::fill_n(moved.get(), input_count * wider, 0);
    for (std::size_t k = 0; k < input_count; ++k)
      std::copy_n(weights.get() + k * stride, stride, moved.get() + k * wider);
    weights = std::move(moved);
    stride = wider;
  }
  lane[count] = source.lane;
  lr[count] = source.lr;
  fraction[count] = source.fraction;
  coarsest_fraction = std::min(coarsest_fraction, source.fraction);
  finest_fraction = std::max(finest_fraction, source.fraction);
  ++count;
}

void WideLanes::set_inputs(const SparseSamples& samples) {
  inputs.clear();
  inputs.reserve(samples.values().size() * stride);
  for (const double value : samples.values())
    for (std::size_t place = 0; place < stride; ++place)
      inputs.push_back(place < count ? magnitude(quantise(value, fraction[place])) : 0);
}

}  // namespace gridrun
