// What updates count, and which of them surely stay in range. docs/arithmetic.md, 8.7.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_UPDATE_COUNTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_UPDATE_COUNTS_INL_HPP
#undef GRIDRUN_HOST_UPDATE_COUNTS_INL_HPP
#else
#define GRIDRUN_HOST_UPDATE_COUNTS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <tuple>

#include "engines/cpu/general/layer_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

/// What kernels count: nothing; updates of which neither u nor w overflows; or any.
enum class Counting { none, in_range, any };

/// The least and the largest of some words, and of 0, and their sum.
struct Ends {
  std::int64_t least = 0, most = 0, sum = 0;

  Ends() = default;
  template <class Word>
  Ends(const Word* words, std::size_t count) {
    Word smallest = 0, largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
      smallest = std::min(smallest, words[i]);
      largest = std::max(largest, words[i]);
      sum += words[i];
    }
    least = smallest;
    most = largest;
  }
};

/// Of all d x, the sum left out.
inline Ends ends_of_products(const Ends& d, const Ends& x) {
  Ends products;
  std::tie(products.least, products.most) =
      std::minmax({d.least * x.least, d.least * x.most, d.most * x.least, d.most * x.most});
  return products;
}

/// What updates counted. The least and the largest of values are also of 0.
struct UpdateCounts {
  std::uint64_t updates = 0, steps = 0;            // u and steps other than 0
  std::int64_t least_update = 0, most_update = 0;  // u before it overflows, if it was looked at
  std::int64_t least_weight = 0, most_weight = 0;  // w + step; or others of as many bits
  std::uint64_t overflowed_updates = 0, overflowed_weights = 0;
  std::int64_t added = 0;  // to the sum of steps
};

/// A weight on its way to its copy, rounded where it is shifted to the right.
template <class Word>
std::int64_t rounded_copy(const Layer<Word>& layer, const Format& weight, std::int64_t w) {
  const int n = layer.to_copy.shift();
  return n > 0 ? round_shift(w, n, weight.round, 0) : w;
}

/// Which kernels count an update whose P are from `products.least` to `products.most`, both of
/// which there are. Begins to count: what those kernels do not look at.
template <class Word>
Counting begin_counts(const Layer<Word>& layer, const TensorFormats& formats, const Ends& products,
                      UpdateCounts& counted, LayerCounts& counts) {
  const auto rounded = [](std::int64_t value, int n, Round round, bool up) {
    if (round == Round::stochastic) return floor_shift(value, n) + up;  // at most, or at least
    return round_shift(value, n, round, 0);
  };
  const Format &gradient = formats.gradient, &master = formats.master, &weight = formats.weight;
  const int n = layer.to_gradient.shift(), m = layer.to_step.shift();
  const std::int64_t least_u = rounded(products.least, n, gradient.round, false);
  const std::int64_t most_u = rounded(products.most, n, gradient.round, products.most > 0);
  if (gradient.round != Round::stochastic) {
    counted.least_update = least_u;
    counted.most_update = most_u;
  }
  if (least_u < smallest_word(gradient.bits, gradient.overflow) ||
      most_u > largest_word(gradient.bits))
    return Counting::any;
  const std::int64_t down = rounded(least_u, m, master.round, false);
  const std::int64_t up = rounded(most_u, m, master.round, true);
  const auto fits = [&] {
    const std::int64_t least = counts.least_word + down, most = counts.most_word + up;
    if (least < smallest_word(master.bits, master.overflow) || most > largest_word(master.bits))
      return false;
    return !layer.has_copies || (counts.weight.holds(rounded_copy(layer, weight, least)) &&
                                 counts.weight.holds(rounded_copy(layer, weight, most)));
  };
  if (!fits()) {
    constexpr int updates_a_look = 32;
    if (--counts.until_look > 0) return Counting::any;
    counts.until_look = updates_a_look;
    const Ends words(layer.master.get(), layer.rows * layer.stride);
    counts.least_word = words.least;
    counts.most_word = words.most;
    if (!fits()) return Counting::any;
  }
  return Counting::in_range;
}

/// Ends it. Copies are counted where they are in range: those whose w did not change have been
/// before.
template <class Word>
void end_counts(const Layer<Word>& layer, const TensorFormats& formats, const UpdateCounts& counted,
                Counting counting, LayerCounts& counts) {
  counts.add_updates(counted.updates, counted.steps, counted.added, 0);
  counts.gradient.add(counted.least_update, counted.most_update, counted.overflowed_updates);
  counts.master.add(counted.least_weight, counted.most_weight, counted.overflowed_weights);
  if (layer.has_copies)
    counts.weight.add(rounded_copy(layer, formats.weight, counted.least_weight),
                      rounded_copy(layer, formats.weight, counted.most_weight), 0);
  counts.least_word = std::min(counts.least_word, counted.least_weight);
  counts.most_word = std::max(counts.most_word, counted.most_weight);
  if (counting == Counting::any && counted.overflowed_weights != 0) counts.forget_words();
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
