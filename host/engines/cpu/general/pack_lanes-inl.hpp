// The lanes of a pack's cells: which network's and which unit's each is, and how far its steps are
// shifted.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_PACK_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_PACK_LANES_INL_HPP
#undef GRIDRUN_HOST_PACK_LANES_INL_HPP
#else
#define GRIDRUN_HOST_PACK_LANES_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>

#include "engines/cpu/general/network_pack.hpp"
#include "engines/cpu/general/short_rounding-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Lanes of a row of weights: two units of the networks of a pack, or four where a vector has more
/// lanes. Neighbours are two units of one network, so that one instruction adds up their products.
constexpr std::size_t cell_lanes = std::max(pack_lanes, hn::MaxLanes(Short()));
constexpr std::size_t cell_pairs = cell_lanes / pack_lanes;  // of units
static_assert(cell_pairs <= 2);

constexpr std::size_t member_of(std::size_t lane) { return lane % pack_lanes / 2; }
constexpr std::size_t unit_of(std::size_t cell, std::size_t lane) {
  return 2 * (cell * cell_pairs + lane / pack_lanes) + lane % 2;
}
constexpr std::size_t cell_of(std::size_t unit) { return unit / (2 * cell_pairs); }
constexpr std::size_t lane_of(std::size_t unit, std::size_t member) {
  return unit / 2 % cell_pairs * pack_lanes + 2 * member + unit % 2;
}

/// What stands for each pair of units, in all lanes of the pair.
template <class D, class Of>
HWY_INLINE hn::Vec<D> in_lanes(D d, const Of& of_pair) {
  if constexpr (cell_pairs == 1)
    return hn::Set(d, of_pair(0));
  else
    return hn::ConcatLowerLower(d, hn::Set(d, of_pair(1)), hn::Set(d, of_pair(0)));
}

/// A constant of each lane of a cell.
struct LaneWords {
  HWY_ALIGN std::array<std::int16_t, cell_lanes> words{};

  HWY_INLINE VShort at(std::size_t lane) const { return hn::Load(Short(), words.data() + lane); }
};

/// v / 2^n of each lane, n from 1 to 15, rounded down; or 0 in lanes where n is 0.
struct LaneShift {
  LaneWords factor, half;

  void set(std::size_t lane, int n) {
    factor.words[lane] = static_cast<std::int16_t>(n == 0 ? 0 : 1 << (16 - n));
    half.words[lane] = static_cast<std::int16_t>(n == 0 ? 0 : 1 << (15 - n));
  }

  /// v + 2^15 is not negative, and its product with the factor 2^16 times the quotient and half of
  /// the factor.
  struct At {
    VShort factor, half;
    HWY_INLINE VShort shift(VShort v) const {
      const hn::RebindToUnsigned<Short> du;
      const VShort raised = hn::Xor(v, hn::Set(Short(), static_cast<std::int16_t>(-0x8000)));
      const auto product = hn::MulHigh(hn::BitCast(du, raised), hn::BitCast(du, factor));
      return hn::Sub(hn::BitCast(Short(), product), half);
    }
  };
  HWY_INLINE At at(std::size_t lane) const { return {factor.at(lane), half.at(lane)}; }
};

/// u / 2^n of each lane, n the shift of its network's steps, 1 to 63: as Update has it for one n.
class LaneSteps {
 public:
  void set(std::size_t lane, int n, Round round) {
    const Rounding<std::int16_t> rounding(std::min(n, 15), round);
    shifts_[lane] = n;
    near_shifts_.words[lane] = static_cast<std::int16_t>(std::min(n, 31));
    quotient_.set(lane, rounding.shift);
    mask_.words[lane] = rounding.mask;
    threshold_.words[lane] = rounding.threshold;
    more_if_negative_.words[lane] = rounding.more_if_negative;
    if (n > 15) {  // the quotient is 0 or -1, and rounded up where u is not below a bound
      threshold_.words[lane] = 0x7fff;
      more_if_negative_.words[lane] = far_step_bound(n, round);
      far_dropped_[lane] = (std::uint64_t{1} << n) - (std::uint64_t{1} << 15);
      any_far_ = true;
    }
    less_if_odd_ = rounding.less_if_odd;
    left_.words[lane] = static_cast<std::int16_t>(n > 16 ? 0 : 1U << (16 - n));
    right_.set(lane, n > 16 ? std::min(n - 16, 15) : 0);
    right_.half.words[lane] = static_cast<std::int16_t>(right_.half.words[lane] - 0x8000);
  }

  /// Whether any u is shifted by 16 places or more.
  bool any_far() const { return any_far_; }
  /// n of each lane, or 31 where it is more.
  VShort near_shifts(std::size_t lane) const { return near_shifts_.at(lane); }
  /// What each negative u drops beside its rest.
  std::uint64_t far_dropped(std::size_t lane) const { return far_dropped_[lane]; }

  /// A vector of lanes.
  struct At {
    LaneShift::At to_quotient;
    VShort mask, threshold, more_if_negative;
    std::int16_t less_if_odd;
    VShort left;          // factors of V of random_threshold where n <= 16, else 0
    LaneShift::At right;  // V less 2^15 where n > 16, else -2^15

    HWY_INLINE VShort rest(VShort u) const { return hn::And(u, mask); }
    HWY_INLINE VShort quotient(VShort u) const { return to_quotient.shift(u); }

    /// The step, where it is not at random.
    template <int kRound>
    HWY_INLINE VShort round(VShort u) const {
      const Short d;
      const VShort whole = quotient(u);
      if (kRound == static_cast<int>(Round::floor)) return whole;
      VShort most = hn::Add(threshold, hn::And(hn::BroadcastSignBit(u), more_if_negative));
      if (kRound == static_cast<int>(Round::nearest_even))
        most = hn::Sub(most, hn::And(whole, hn::Set(d, less_if_odd)));
      return hn::Sub(whole, hn::VecFromMask(d, hn::Gt(rest(u), most)));
    }

    /// V of a random step, its highest half, less 2^15.
    template <bool kFar>
    HWY_INLINE VShort high_half(VShort u, std::uint32_t bits) const {
      const Short d;
      VShort v = hn::Mul(u, left);
      v = kFar ? hn::Add(v, right.shift(u)) : hn::Xor(v, hn::Set(d, -0x8000));
      return hn::And(v, hn::Set(d, static_cast<std::int16_t>(bits >> 16)));
    }
  };
  HWY_INLINE At at(std::size_t lane) const {
    return {quotient_.at(lane), mask_.at(lane), threshold_.at(lane), more_if_negative_.at(lane),
            less_if_odd_,       left_.at(lane), right_.at(lane)};
  }

  /// Its lowest half, less 2^15.
  VShort low_half(VShort u, std::uint32_t bits, std::size_t lane) const {
    const Short d;
    HWY_ALIGN std::int16_t words[hn::MaxLanes(d)];
    hn::Store(u, d, words);
    for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
      const int n = shifts_[lane + i];
      const std::int32_t v = words[i];
      words[i] = static_cast<std::int16_t>(n <= 16   ? 0
                                           : n <= 32 ? static_cast<std::uint32_t>(v) << (32 - n)
                                                     : v >> std::min(n - 32, 15));
    }
    return hn::Not(threshold_half(hn::Load(d, words), bits));
  }

 private:
  LaneShift quotient_, right_;
  LaneWords mask_, threshold_, more_if_negative_, left_, near_shifts_;
  std::array<std::uint64_t, cell_lanes> far_dropped_{};
  std::array<int, cell_lanes> shifts_{};
  std::int16_t less_if_odd_ = 0;
  bool any_far_ = false;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
