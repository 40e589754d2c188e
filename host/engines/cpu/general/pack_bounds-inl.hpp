// How large the weights and the updates of a pack's lanes can be.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_PACK_BOUNDS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_PACK_BOUNDS_INL_HPP
#undef GRIDRUN_HOST_PACK_BOUNDS_INL_HPP
#else
#define GRIDRUN_HOST_PACK_BOUNDS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "engines/cpu/general/layer-inl.hpp"
#include "engines/cpu/general/pack_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using VShortU = hn::Vec<ShortU>;

/// The least and the largest word of each lane of a cell, 0 among them.
struct LaneEnds {
  LaneWords least, most;

  HWY_INLINE void add(std::size_t lane, VShort other_least, VShort other_most) {
    const Short d;
    hn::Store(hn::Min(least.at(lane), other_least), d, least.words.data() + lane);
    hn::Store(hn::Max(most.at(lane), other_most), d, most.words.data() + lane);
  }
};

/// A magnitude of each lane of a cell, below 2^16.
struct LaneSizes {
  HWY_ALIGN std::array<std::uint16_t, cell_lanes> sizes;

  VShortU at(std::size_t lane) const { return hn::Load(ShortU(), sizes.data() + lane); }
  void set(std::size_t lane, VShortU v) { hn::Store(v, ShortU(), sizes.data() + lane); }
  std::int32_t largest() const {
    const ShortU d;
    VShortU largest = at(0);
    for (std::size_t lane = hn::Lanes(d); lane < cell_lanes; lane += hn::Lanes(d))
      largest = hn::Max(largest, at(lane));
    return hn::GetLane(hn::MaxOfLanes(d, largest));
  }

  /// Whether none is larger than that of `other`.
  bool are_within(const LaneSizes& other) const {
    const ShortU d;
    auto above = hn::Zero(d);
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(d))
      above = hn::Or(above, hn::SaturatedSub(at(lane), other.at(lane)));
    return hn::AllTrue(d, hn::Eq(above, hn::Zero(d)));
  }
};

/// What no |u| and no |step| of an update is larger than; 2^15 - 1 stands for any larger |u| too.
/// Steps, shifted by one place at least, are smaller.
struct UpdateBound {
  LaneSizes updates, steps;

  /// Given d [lane], the largest |x|, and the shift of P.
  HWY_INLINE UpdateBound(const std::int16_t* errors, std::uint64_t x, int shift,
                         const LaneSteps& lane_steps) {
    const Short d;
    const Middle dm;
    const hn::RebindToUnsigned<Middle> dmu;
    const VMiddle one = hn::Set(dm, 1);
    // -|x| is a word, and so is each d.
    const VShort inputs = set_pairs(pair_of(static_cast<std::int16_t>(-static_cast<int>(x)), 0));
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(d)) {
      const VShort error = hn::Load(d, errors + lane);
      const VShort shifts = lane_steps.near_shifts(lane);
      const auto bound_u = [&](VShort half) {
        const VMiddle product = hn::Abs(multiply_pairs(half, inputs));
        return hn::Add(hn::ShiftRightSame(product, shift), one);
      };
      const auto bound_step = [&](VMiddle u, VShort half) {
        const auto shifted = hn::Shr(hn::BitCast(dmu, u), hn::BitCast(dmu, half));
        return hn::Add(hn::BitCast(dm, shifted), one);
      };
      const VShort zero = hn::Zero(d);
      const VMiddle lower = bound_u(hn::InterleaveLower(d, error, zero));
      const VMiddle upper = bound_u(hn::InterleaveUpper(d, error, zero));
      const VMiddle lower_step = bound_step(lower, hn::InterleaveLower(d, shifts, zero));
      const VMiddle upper_step = bound_step(upper, hn::InterleaveUpper(d, shifts, zero));
      const auto any = hn::Ne(error, zero);
      const auto sizes = [&](VMiddle low, VMiddle high) {
        const VShort size = hn::ReorderDemote2To(d, low, high);
        return hn::BitCast(ShortU(), hn::IfThenElseZero(any, size));
      };
      updates.set(lane, sizes(lower, upper));
      steps.set(lane, sizes(lower_step, upper_step));
    }
  }
};

/// What no |w| of each lane of a cell is larger than: updates raise it, and it is looked up now and
/// then.
class WeightsBound {
 public:
  /// Before each update.
  void prepare(const Layer<std::int16_t>& layer) {
    if (--until_look_ <= 0) look(layer);
  }
  /// Looks it up if it was not for some updates. Returns whether it did.
  bool look_again(const Layer<std::int16_t>& layer) {
    constexpr int least_updates = 16;  // between looks, as each takes as long as some updates save
    if (until_look_ > updates_a_look - least_updates) return false;
    look(layer);
    return true;
  }

  const LaneSizes& sizes() const { return sizes_; }

  /// After an update, given the bound moved by its steps.
  void set(const LaneSizes& moved) { sizes_ = moved; }
  /// The same, if all w that changed lie between these ends.
  void set(const LaneSizes& moved, const LaneEnds& ends) {
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(ShortU())) {
      const auto size = [&](VShort end) { return hn::BitCast(ShortU(), hn::Abs(end)); };
      const VShortU of_ends = hn::Max(size(ends.least.at(lane)), size(ends.most.at(lane)));
      sizes_.set(lane, hn::Min(moved.at(lane), hn::Max(sizes_.at(lane), of_ends)));
    }
  }

  /// The same after steps, if no w overflows.
  LaneSizes moved_by(const LaneSizes& steps) const {
    LaneSizes moved;
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(ShortU()))
      moved.set(lane, hn::SaturatedAdd(sizes_.at(lane), steps.at(lane)));
    return moved;
  }

 private:
  static constexpr int updates_a_look = 64;

  void look(const Layer<std::int16_t>& layer) {
    const Short d;
    until_look_ = updates_a_look;
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(d)) {
      VShortU largest = hn::Zero(ShortU());
      for (std::size_t k = 0; k < layer.rows; ++k) {
        const VShort size = hn::Abs(hn::Load(d, layer.product_row(k) + lane));
        largest = hn::Max(largest, hn::BitCast(ShortU(), size));
      }
      sizes_.set(lane, largest);
    }
  }

  LaneSizes sizes_{};
  int until_look_ = 0;  // updates
};

/// What |u| or |w| of a lane may be at most if it is to need no more bits than one of its network
/// that was counted.
class CountedSizes {
 public:
  /// Of so many networks; the other lanes may be anything.
  explicit CountedSizes(std::size_t members) {
    for (std::size_t lane = 0; lane < cell_lanes; ++lane)
      if (member_of(lane) >= members) sizes_.sizes[lane] = 0xffff;
  }

  const LaneSizes& sizes() const { return sizes_; }

  /// Takes in a word of a network that was counted.
  void add(std::size_t member, std::int32_t word) {
    const auto size = static_cast<std::uint32_t>(std::max(word, ~word));
    const auto of_as_many_bits = static_cast<std::uint16_t>(std::bit_ceil(size + 1) - 1);
    for (std::size_t unit = 0; unit < 2 * cell_pairs; ++unit)
      sizes_.sizes[lane_of(unit, member)] |= of_as_many_bits;
  }
  void add(const LaneEnds& ends) {
    for (std::size_t lane = 0; lane < cell_lanes; ++lane) {
      add(member_of(lane), ends.least.words[lane]);
      add(member_of(lane), ends.most.words[lane]);
    }
  }

 private:
  LaneSizes sizes_{};
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
