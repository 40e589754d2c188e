// What a network's diagnostics count, in 64-bit lanes. docs/arithmetic.md, 8.7.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_LAYER_COUNTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_LAYER_COUNTS_INL_HPP
#undef GRIDRUN_HOST_LAYER_COUNTS_INL_HPP
#else
#define GRIDRUN_HOST_LAYER_COUNTS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "engines/cpu/general/ends.hpp"
#include "engines/cpu/general/fit_lanes-inl.hpp"
#include "engines/cpu/general/layer-inl.hpp"
#include "gridrun/count_value.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Values that are to overflow into a format: rounded, or before a left shift. Zeros change
/// nothing.
class ValueCounts {
 public:
  ValueCounts(const Format& format, int left)
      : format_(format), left_(left), smallest_(0), largest_(0) {
    if (left > 63) return;
    largest_ = largest_word(format.bits) >> left;
    const std::uint64_t below = magnitude(smallest_word(format.bits, format.overflow)) >> left;
    smallest_ = static_cast<std::int64_t>(std::uint64_t{0} - below);
  }
  /// Of what `fit` brings into the format.
  ValueCounts(const Format& format, const WideFit& fit)
      : ValueCounts(format, std::max(0, -fit.shift())) {}

  /// Whether a value does not overflow.
  bool holds(std::int64_t value) const { return smallest_ <= value && value <= largest_; }

  HWY_INLINE void add(VWide value) {
    const Wide d;
    hn::Store(hn::Min(hn::Load(d, least_), value), d, least_);
    hn::Store(hn::Max(hn::Load(d, most_), value), d, most_);
    const auto overflows =
        hn::Or(hn::Gt(value, hn::Set(d, largest_)), hn::Lt(value, hn::Set(d, smallest_)));
    hn::Store(hn::Sub(hn::Load(d, overflowed_), hn::VecFromMask(d, overflows)), d, overflowed_);
  }

  /// The least and the largest of values, and how many overflow.
  void add(std::int64_t least, std::int64_t most, std::uint64_t overflowed) {
    least_[0] = std::min(least_[0], least);
    most_[0] = std::max(most_[0], most);
    overflowed_[0] += static_cast<std::int64_t>(overflowed);
  }

  /// Whether no value between these ends needs more bits than some value that was counted.
  bool covers(const Ends& ends) const {
    TensorDiagnostics counted;
    add_to(counted);
    return word_width(ends.least, format_.overflow, left_) <= counted.bits &&
           word_width(ends.most, format_.overflow, left_) <= counted.bits;
  }

  void add_to(TensorDiagnostics& of) const {
    for (std::size_t lane = 0; lane < hn::Lanes(Wide()); ++lane) add_lane_to(of, lane);
  }
  /// What one lane of all vectors had.
  void add_lane_to(TensorDiagnostics& of, std::size_t lane) const {
    for (const std::int64_t end : {least_[lane], most_[lane]})
      of.bits = std::max(of.bits, word_width(end, format_.overflow, left_));
    of.overflowed += static_cast<std::uint64_t>(overflowed_[lane]);
  }

 private:
  static constexpr std::size_t lanes = hn::MaxLanes(Wide());

  Format format_;
  int left_;
  std::int64_t smallest_, largest_;  // of those that do not overflow
  HWY_ALIGN std::int64_t least_[lanes] = {}, most_[lanes] = {}, overflowed_[lanes] = {};
};

/// A signed sum of 64-bit lanes: 2^31 additions fit.
class SignedLanes {
 public:
  HWY_INLINE void add(VWide value) {
    const Wide d;
    hn::Store(hn::Add(hn::Load(d, low_), hn::And(value, hn::Set(d, 0xffffffff))), d, low_);
    hn::Store(hn::Add(hn::Load(d, high_), hn::ShiftRight<32>(value)), d, high_);
  }
  void move_to(SignedSum& sum) {
    for (std::size_t i = 0; i < hn::Lanes(Wide()); ++i) {
      sum += SignedSum{high_[i]} * (std::int64_t{1} << 32) + low_[i];
      low_[i] = high_[i] = 0;
    }
  }

 private:
  HWY_ALIGN std::int64_t low_[hn::MaxLanes(Wide())] = {}, high_[hn::MaxLanes(Wide())] = {};
};

/// The values of units in forward and backward passes.
struct PassCounts {
  template <class Word>
  PassCounts(const NetworkSpec& spec, const Layer<Word>& layer)
      : accumulator(spec.formats.accumulator, 0),
        activation(spec.formats.activation, layer.to_activation),
        activation_leaking(spec.formats.activation, layer.to_activation_leaking),
        error(spec.formats.error, layer.to_error),
        error_leaking(spec.formats.error, layer.to_error_leaking) {}

  /// What one lane of all vectors had.
  void add_lane_to(LayerDiagnostics& of, std::size_t lane) const {
    accumulator.add_lane_to(of.of(Tensor::accumulator), lane);
    activation.add_lane_to(of.of(Tensor::activation), lane);
    activation_leaking.add_lane_to(of.of(Tensor::activation), lane);
    error.add_lane_to(of.of(Tensor::error), lane);
    error_leaking.add_lane_to(of.of(Tensor::error), lane);
  }

  ValueCounts accumulator, activation, activation_leaking, error, error_leaking;
};

/// Counts nothing.
struct NoCounts {
  static constexpr bool counts = false;

  template <class Word>
  NoCounts(const NetworkSpec&, const Layer<Word>&) {}
  void add_to(LayerDiagnostics&) const {}
  void end_update() {}
};

/// Counts the values of a layer in training.
struct LayerCounts {
  static constexpr bool counts = true;

  template <class Word>
  LayerCounts(const NetworkSpec& spec, const Layer<Word>& layer)
      : gradient(spec.formats.gradient, layer.to_gradient),
        master(spec.formats.master, 0),
        weight(spec.formats.weight, layer.to_copy),
        passes_(spec, layer),
        word_bits_(8 * sizeof(Word)) {
    forget_words();
  }

  /// What passes count for the units from j on.
  PassCounts& of_units(std::size_t) { return passes_; }

  /// Whether the units from j on are active in a sample.
  HWY_INLINE void add_active(std::size_t, VWide is_active) {
    const Wide d;
    hn::Store(hn::Or(hn::Load(d, active_), is_active), d, active_);
  }
  void end_sample() {
    const Wide d;
    add_sample(!hn::AllTrue(d, hn::Eq(hn::Load(d, active_), hn::Zero(d))));
    hn::Store(hn::Zero(d), d, active_);
  }
  /// A sample with any active unit, or with none.
  void add_sample(bool any_active) {
    inactive_ += !any_active;
    last_inactive_ = any_active ? 0 : last_inactive_ + 1;
  }

  /// Counts the updates of a vector of weights, but for their P and for what they make of w.
  /// `added` is added to the sum of steps.
  HWY_INLINE void add_update(VWide u, VWide step, VWide added) {
    const Wide d;
    const auto is_update = hn::Ne(u, hn::Zero(d));
    const auto is_lost = hn::And(is_update, hn::Eq(step, hn::Zero(d)));
    hn::Store(hn::Sub(hn::Load(d, updates_), hn::VecFromMask(d, is_update)), d, updates_);
    hn::Store(hn::Sub(hn::Load(d, lost_), hn::VecFromMask(d, is_lost)), d, lost_);
    steps_.add(added);
  }

  HWY_INLINE void add_products(VWide products) { products_.add(products); }

  /// Ends the update of a layer in 64-bit lanes, of fewer than 2^31 vectors of weights.
  void end_update() {
    forget_words();
    steps_.move_to(step_);
    products_.move_to(product_);
  }

  /// The same for many, whose steps other than 0 and sums are given.
  void add_updates(std::uint64_t updates, std::uint64_t steps, SignedSum added, SignedSum product) {
    updates_[0] += static_cast<std::int64_t>(updates);
    lost_[0] += static_cast<std::int64_t>(updates - steps);
    step_ += added;
    product_ += product;
  }

  /// Adds to the sum of steps what the sum of weights has become, or takes off what it was.
  void add_moved(SignedSum weights) { step_ += weights; }

  /// From now on words may be anywhere.
  void forget_words() {
    least_word = smallest_word(word_bits_, Overflow::wrap);
    most_word = largest_word(word_bits_);
  }

  void add_to(LayerDiagnostics& of) const {
    gradient.add_to(of.of(Tensor::gradient));
    master.add_to(of.of(Tensor::master));
    weight.add_to(of.of(Tensor::weight));
    for (std::size_t lane = 0; lane < hn::Lanes(Wide()); ++lane) {
      passes_.add_lane_to(of, lane);
      of.updates += static_cast<std::uint64_t>(updates_[lane]);
      of.lost += static_cast<std::uint64_t>(lost_[lane]);
    }
    of.inactive += inactive_;
    of.last_inactive += last_inactive_;
    of.step += step_;
    of.product += product_;
  }

  ValueCounts gradient, master, weight;

  // Of words of 16 and 32 bits: where all lie, and updates until they may be looked at again.
  std::int64_t least_word, most_word;
  int until_look = 0;

 private:
  static constexpr std::size_t lanes = hn::MaxLanes(Wide());

  PassCounts passes_;
  int word_bits_;
  HWY_ALIGN std::int64_t updates_[lanes] = {}, lost_[lanes] = {};
  HWY_ALIGN std::int64_t active_[lanes] = {};  // in the sample in work
  SignedLanes steps_, products_;               // of the update in work
  SignedSum step_ = 0, product_ = 0;
  std::uint64_t inactive_ = 0, last_inactive_ = 0;  // samples
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
