// What the networks of a pack count in training, lane by lane. docs/arithmetic.md, 8.7.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_PACK_COUNTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_PACK_COUNTS_INL_HPP
#undef GRIDRUN_HOST_PACK_COUNTS_INL_HPP
#else
#define GRIDRUN_HOST_PACK_COUNTS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "engines/cpu/general/pack_bounds-inl.hpp"
#include "engines/cpu/general/short_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Counts the values of a cell's units in training. Neighbours are two units of one network:
/// updates, steps and what overflowing takes are counted for both in the first's lane.
class CellCounts {
 public:
  static constexpr bool counts = true;

  CellCounts(const NetworkSpec& spec, const Layer<std::int16_t>& layer)
      : passes_(cell_lanes / hn::Lanes(Wide()), PassCounts(spec, layer)) {}

  /// What passes count for the lanes from `lane` on.
  PassCounts& of_units(std::size_t lane) { return passes_[lane / hn::Lanes(Wide())]; }

  /// Which of the lanes from `lane` on are active in a sample.
  HWY_INLINE void add_active(std::size_t lane, VWide is_active) {
    std::uint8_t bits[8] = {};
    hn::StoreMaskBits(Wide(), hn::MaskFromVec(is_active), bits);
    active_ |= std::uint32_t{bits[0]} << lane;
  }
  void end_sample() {}  // a network's has not ended before all cells are done with it
  /// Bits of the lanes that were active since this was called before.
  std::uint32_t take_active() { return std::exchange(active_, 0); }

  /// P of an update, given d of all lanes and the sum of its x.
  void add_products(const std::int64_t* errors, std::int64_t sum) {
    const Wide d;
    const Middle d32;
    const auto factor = hn::BitCast(d32, hn::Set(d, sum));
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(d)) {
      const auto product = hn::MulEven(hn::BitCast(d32, hn::Load(d, errors + lane)), factor);
      std::int64_t* const products = products_.data() + lane;
      hn::Store(hn::Add(hn::Load(d, products), product), d, products);
    }
  }

  /// What an update counted in the lanes from `lane` on.
  template <Counting kCounting>
  void add(const UnitCounts<kCounting>& of_lanes, std::size_t lane) {
    const Short d;
    const Middle dm;
    const auto in_pairs = [&](VShort words, std::int32_t* to) {
      hn::Store(multiply_pairs(words, hn::Set(d, 1)), dm, to);
    };
    UpdateCounts* const counted = &counted_[lane];
    HWY_ALIGN std::int32_t updates[hn::MaxLanes(dm)], steps[hn::MaxLanes(dm)];
    in_pairs(of_lanes.updates, updates);
    in_pairs(of_lanes.steps, steps);
    for (std::size_t i = 0; i < hn::Lanes(dm); ++i) {
      counted[2 * i].updates += static_cast<std::uint64_t>(updates[i]);
      counted[2 * i].steps += static_cast<std::uint64_t>(steps[i]);
    }
    updates_.add(lane, of_lanes.least_update, of_lanes.most_update);
    if constexpr (kCounting == Counting::any)
      add_any(of_lanes, counted);
    else
      weights_.add(lane, of_lanes.least_weight, of_lanes.most_weight);
  }

  /// The ends of u, and of w where none could overflow, that were counted.
  const LaneEnds& updates() const { return updates_; }
  const LaneEnds& weights() const { return weights_; }

  /// To be called after 2^20 updates at most, for the sums of P.
  void end_block() {
    for (std::size_t lane = 0; lane < cell_lanes; ++lane) {
      all_products_[lane] += products_[lane];
      products_[lane] = 0;
    }
  }

  /// Adds what a lane has counted.
  void add_lane_to(std::size_t lane, LayerCounts& of_layer, LayerDiagnostics& of) const {
    constexpr std::size_t lanes = hn::MaxLanes(Wide());
    passes_[lane / lanes].add_lane_to(of, lane % lanes);
    const UpdateCounts& counted = counted_[lane];
    of_layer.add_updates(counted.updates, counted.steps, counted.added, all_products_[lane]);
    of_layer.gradient.add(updates_.least.words[lane], updates_.most.words[lane], 0);
    of_layer.gradient.add(counted.least_update, counted.most_update, counted.overflowed_updates);
    of_layer.master.add(weights_.least.words[lane], weights_.most.words[lane], 0);
    of_layer.master.add(counted.least_weight, counted.most_weight, counted.overflowed_weights);
  }

 private:
  static void add_any(const UnitCounts<Counting::any>& of_lanes, UpdateCounts* counted) {
    const Short d;
    const Middle dm;
    HWY_ALIGN std::int32_t excess[hn::MaxLanes(dm)];
    HWY_ALIGN std::int32_t least[hn::MaxLanes(d)], most[hn::MaxLanes(d)], updates[hn::MaxLanes(d)];
    HWY_ALIGN std::int16_t weights[hn::MaxLanes(d)], left[hn::MaxLanes(d)];
    HWY_ALIGN std::int16_t least_weight[hn::MaxLanes(d)], most_weight[hn::MaxLanes(d)];
    hn::Store(of_lanes.least_weight, d, least_weight);
    hn::Store(of_lanes.most_weight, d, most_weight);
    hn::Store(of_lanes.excess, dm, excess);
    of_lanes.least_quotient.store(least);
    of_lanes.most_quotient.store(most);
    of_lanes.overflowed_updates.store(updates);
    hn::Store(of_lanes.overflowed_weights, d, weights);
    hn::Store(of_lanes.left_16_bits, d, left);
    for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
      UpdateCounts& of = counted[i];
      of.least_update = std::min(of.least_update, std::int64_t{least[i]});
      of.most_update = std::max(of.most_update, std::int64_t{most[i]});
      of.overflowed_updates += static_cast<std::uint64_t>(updates[i]);
      of.overflowed_weights += static_cast<std::uint64_t>(weights[i]);
      of.least_weight = std::min(of.least_weight, std::int64_t{least_weight[i]});
      of.most_weight = std::max(of.most_weight, std::int64_t{most_weight[i]});
      if (left[i] != 0) of.most_weight = of_17_bits;
      if (i % 2 == 0) of.added += excess[i / 2];
    }
  }

  std::vector<PassCounts> passes_;  // [vector of wide lanes]
  LaneEnds updates_, weights_;
  std::array<UpdateCounts, cell_lanes> counted_{};  // all else of updates
  HWY_ALIGN std::array<std::int64_t, cell_lanes> products_{};
  std::array<SignedSum, cell_lanes> all_products_{};
  std::uint32_t active_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
