// Updates in 64-bit lanes of which neither u nor w can overflow, for each rounding, and what they
// count.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_BOUNDED_UPDATE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_BOUNDED_UPDATE_INL_HPP
#undef GRIDRUN_HOST_BOUNDED_UPDATE_INL_HPP
#else
#define GRIDRUN_HOST_BOUNDED_UPDATE_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engines/cpu/general/draws-inl.hpp"
#include "engines/cpu/general/update_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// No value that a bounded update rounds is larger, and no sum of a lane than twice as much.
inline constexpr std::uint64_t most_bounded = std::uint64_t{1} << 61;

/// v / 2^n rounded, |v| <= most_bounded, 1 <= n <= 61. Shifts are unsigned, of values raised by
/// 2^62, since AVX2 has no others.
template <int kRound>
class BoundedRounding {
 public:
  explicit BoundedRounding(int n)
      : n_(n),
        raised_(raise + is(Round::nearest_away) + rounding_constant<std::int64_t>(kRound, n)),
        quotient_of_raise_(raise >> n),
        mask_((std::int64_t{1} << n) - 1) {}

  /// `random` is R where that is drawn.
  HWY_INLINE VWide operator()(VWide v, VWide sign, VWide random) const {
    const Wide d;
    VWide sum = hn::Add(v, hn::Set(d, raised_));
    if (is(Round::stochastic)) sum = hn::Add(sum, random);
    if (is(Round::nearest_even))  // half - 1 carries no tie; an odd quotient does
      sum = hn::Add(sum, hn::And(shifted(v), hn::Set(d, 1)));
    if (is(Round::nearest_away))  // nor here; a positive v does, by a 1 in raised_
      sum = hn::Add(sum, sign);
    if (is(Round::toward_zero)) sum = hn::Add(sum, hn::And(sign, hn::Set(d, mask_)));
    return hn::Sub(shifted(sum), hn::Set(d, quotient_of_raise_));
  }

 private:
  static constexpr std::int64_t raise = std::int64_t{1} << 62;
  static constexpr bool is(Round round) { return kRound == static_cast<int>(round); }

  HWY_INLINE VWide shifted(VWide v) const {
    return hn::BitCast(Wide(), hn::ShiftRightSame(hn::BitCast(WideU(), v), n_));
  }

  int n_;
  std::int64_t raised_, quotient_of_raise_, mask_;
};

/// What one bounded update needs, the same for all units.
struct BoundedUpdate {
  const std::uint32_t* index;  // [row], which of the layer's it is
  const std::int64_t* x;       // [row]
  std::size_t rows;
  std::int64_t* weights;  // of the layer
  std::size_t stride;     // of its rows
  const std::int64_t* d;  // [unit]
  bool short_factors;     // d and x fit 32 bits
  int gradient_shift, step_shift;
  RowNoise<std::uint32_t> for_gradient, for_master;
  int gradient_bits, master_bits;  // of random words that count
  bool symmetric_gradient, symmetric_master;
  bool counts_weights;  // their bits, if anything is counted
};

/// What it adds up, and counts.
struct BoundedSums {
  WideSum abs_update = 0, dropped = 0;
  std::uint64_t updates = 0, steps = 0;                     // u and steps other than 0
  SignedSum update = 0, added = 0;                          // u, steps
  std::int64_t most_like_update = 0, most_like_weight = 0;  // of as many bits as any u, any w,
                                                            // if that is looked at
};

/// Updates all units that have an error. kWraps: P may leave 64 bits, and is wrapped.
template <int kRound, bool kWraps, bool kCounts>
HWY_NOINLINE void update_bounded(const BoundedUpdate& given, BoundedSums& sums) {
  const BoundedUpdate update = given;  // which no store can reach, so that it stays in registers
  // Rounded down, a step is u without what is dropped.
  constexpr bool follows_dropped = kCounts && kRound == static_cast<int>(Round::floor);
  // The ends of u are known else.
  constexpr bool counts_updates = kWraps || kRound == static_cast<int>(Round::stochastic);
  const Wide d;
  const std::size_t lanes = hn::Lanes(d);
  const VWide zero = hn::Zero(d);
  const Rounding<std::int64_t> wrapped_to_gradient(update.gradient_shift,
                                                   static_cast<Round>(kRound));
  const BoundedRounding<kRound> to_gradient(update.gradient_shift), to_step(update.step_shift);
  const VWide dropped_bits = hn::Set(d, (std::int64_t{1} << update.step_shift) - 1);
  VWide abs_update = zero, dropped = zero, added = zero, update_bits = zero, weight_bits = zero;
  VWide all_updates = zero, no_updates = zero, no_steps = zero;
  std::uint64_t places = 0;
  for (std::size_t j = 0; j < update.stride; j += lanes) {
    const VWide errors = hn::Load(d, update.d + j);
    if (hn::AllTrue(d, hn::Eq(errors, zero))) continue;
    places += update.rows * lanes;
    const hn::Repartition<std::int32_t, Wide> low_halves;
    for (std::size_t i = 0; i < update.rows; ++i) {
      const VWide x = hn::Set(d, update.x[i]);
      const VWide product = update.short_factors ? hn::MulEven(hn::BitCast(low_halves, errors),
                                                               hn::BitCast(low_halves, x))
                                                 : multiply_wide(errors, x);
      const auto random = [&](const RowNoise<std::uint32_t>& noise, int shift, int bits) {
        return kRound == static_cast<int>(Round::stochastic)
                   ? random_wide(noise.row(i) + j, shift, bits)
                   : zero;
      };
      const VWide for_u = random(update.for_gradient, update.gradient_shift, update.gradient_bits);
      const VWide u = kWraps ? round_lanes<kRound>(d, product, wrapped_to_gradient, for_u)
                             : to_gradient(product, hn::BroadcastSignBit(product), for_u);
      const VWide sign = hn::BroadcastSignBit(u);
      const VWide without_sign = hn::Xor(u, sign), size = hn::Sub(without_sign, sign);
      abs_update = hn::Add(abs_update, size);
      if (!follows_dropped) dropped = hn::Add(dropped, hn::And(u, dropped_bits));
      const VWide step =
          to_step(u, sign, random(update.for_master, update.step_shift, update.master_bits));
      std::int64_t* const weights = update.weights + update.index[i] * update.stride + j;
      const VWide w = hn::Add(hn::Load(d, weights), step);
      hn::Store(w, d, weights);
      if constexpr (kCounts) {
        no_updates = hn::Sub(no_updates, hn::VecFromMask(d, hn::Eq(u, zero)));
        no_steps = hn::Sub(no_steps, hn::VecFromMask(d, hn::Eq(step, zero)));
        if (follows_dropped || kWraps) all_updates = hn::Add(all_updates, u);
        added = hn::Add(added, step);
        // Symmetric formats have no -2^n of n bits beside a sign.
        if constexpr (counts_updates) {
          update_bits = hn::Or(update_bits, without_sign);
          if (HWY_UNLIKELY(update.symmetric_gradient)) update_bits = hn::Or(update_bits, size);
        }
        if (update.counts_weights) {
          // The highest bit in which a word differs from itself shifted left is its highest that is
          // not sign, shifted left.
          weight_bits = hn::Or(weight_bits, hn::Xor(w, hn::Add(w, w)));
          if (HWY_UNLIKELY(update.symmetric_master)) {
            const VWide size_of_w = hn::Abs(w);
            weight_bits = hn::Or(weight_bits, hn::Add(size_of_w, size_of_w));
          }
        }
      }
    }
  }
  const auto each_lane = [&](VWide v, const auto& visit) {
    HWY_ALIGN std::int64_t values[hn::MaxLanes(d)];
    hn::Store(v, d, values);
    for (std::size_t lane = 0; lane < lanes; ++lane) visit(values[lane]);
  };
  each_lane(abs_update, [&](std::int64_t sum) { sums.abs_update += static_cast<WideSum>(sum); });
  each_lane(dropped, [&](std::int64_t sum) { sums.dropped += static_cast<WideSum>(sum); });
  if constexpr (kCounts) {
    sums.updates = sums.steps = places;
    each_lane(no_updates, [&](std::int64_t n) { sums.updates -= static_cast<std::uint64_t>(n); });
    each_lane(no_steps, [&](std::int64_t n) { sums.steps -= static_cast<std::uint64_t>(n); });
    each_lane(added, [&](std::int64_t sum) { sums.added += sum; });
    each_lane(all_updates, [&](std::int64_t sum) { sums.update += sum; });
    if (follows_dropped)
      sums.dropped = static_cast<WideSum>(sums.update - (sums.added << update.step_shift));
    each_lane(update_bits, [&](std::int64_t bits) { sums.most_like_update |= bits; });
    each_lane(weight_bits, [&](std::int64_t bits) {
      sums.most_like_weight |= static_cast<std::int64_t>(static_cast<std::uint64_t>(bits) >> 1);
    });
  }
}

/// Where the weights of a layer surely lie, as long as all its updates are bounded.
class WeightBounds {
 public:
  explicit WeightBounds(const Layer<std::int64_t>& layer) : layer_(&layer) {}

  bool is_of(const Layer<std::int64_t>& layer) const { return layer_ == &layer; }

  /// Whether weights that move by one of `steps` surely stay in the range of a format, and below
  /// 2^62. They are looked at if need be, but seldom.
  bool hold(const Ends& steps, const Format& master) {
    if (is_known_ && fit(steps, master)) return true;
    constexpr int updates_a_look = 32;
    if (--until_look_ > 0) return false;
    until_look_ = updates_a_look;
    ends_ = ends_of(layer_->master.get(), layer_->rows * layer_->stride);
    is_known_ = true;
    return fit(steps, master);
  }

  /// Where they lie after a move by some of `steps`.
  Ends moved_by(const Ends& steps) const {
    Ends moved = ends_;
    moved.least += steps.least;
    moved.most += steps.most;
    return moved;
  }

  /// Looks at the weights, but seldom. Returns whether it did.
  bool look() {
    constexpr int updates_a_look = 128;
    if (--until_close_look_ > 0) return false;
    until_close_look_ = updates_a_look;
    ends_ = ends_of(layer_->master.get(), layer_->rows * layer_->stride);
    return true;
  }

  /// Adds the steps of a bounded update.
  void move(const Ends& steps) { ends_ = moved_by(steps); }

  /// From now on weights may be anywhere.
  void forget() { is_known_ = false; }

 private:
  bool fit(const Ends& steps, const Format& master) const {
    if (std::max(ends_.largest_magnitude(), steps.largest_magnitude()) > most_bounded) return false;
    return is_in_range(moved_by(steps), master);
  }

  const Layer<std::int64_t>* layer_;
  Ends ends_;
  bool is_known_ = false;
  int until_look_ = 0, until_close_look_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
