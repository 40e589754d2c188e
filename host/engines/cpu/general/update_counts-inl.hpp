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

#include "engines/cpu/general/ends.hpp"
#include "engines/cpu/general/layer_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

/// What kernels count: nothing; updates of which neither u nor w overflows, nor needs more bits
/// than one that was counted; updates of which neither overflows; or any.
enum class Counting { none, known, in_range, any };

/// Of `count` words.
template <class Word>
Ends ends_of(const Word* words, std::size_t count) {
  Word least = 0, most = 0;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    least = std::min(least, words[i]);
    most = std::max(most, words[i]);
    sum = wrapping_add(sum, words[i]);
  }
  return {least, most, sum};
}

/// Of all d x, the sum left out.
inline Ends ends_of_products(const Ends& d, const Ends& x) {
  Ends products;
  std::tie(products.least, products.most) =
      std::minmax({d.least * x.least, d.least * x.most, d.most * x.least, d.most * x.most});
  return products;
}

/// What updates counted. The least and the largest of values are also of 0.
struct UpdateCounts {
  bool updates_fit = false;                        // whether it is known that no u overflows
  std::uint64_t updates = 0, steps = 0;            // u and steps other than 0
  std::int64_t least_update = 0, most_update = 0;  // u before it overflows, if it was looked at
  std::int64_t least_weight = 0, most_weight = 0;  // w + step; or others of as many bits
  std::uint64_t overflowed_updates = 0, overflowed_weights = 0;
  std::int64_t least_copy = 0, most_copy = 0;  // of weights, where any update is counted
  std::uint64_t overflowed_copies = 0;         //
  std::int64_t added = 0;                      // to the sum of steps
};

/// A weight on its way to its copy, rounded where it is shifted to the right.
template <class Word>
std::int64_t rounded_copy(const Layer<Word>& layer, const Format& weight, std::int64_t w) {
  const int n = layer.to_copy.shift();
  return n > 0 ? round_shift(w, n, weight.round, 0) : w;
}

/// The ends of quotients whose dividends are from `ends.least` to `ends.most`, both of which there
/// are; where they are rounded at random, bounds on them.
inline Ends rounded_ends(const Ends& ends, int n, Round round) {
  const bool random = round == Round::stochastic;
  Ends rounded;
  rounded.least = random ? floor_shift(ends.least, n) : round_shift(ends.least, n, round, 0);
  rounded.most =
      random ? floor_shift(ends.most, n) + (ends.most > 0) : round_shift(ends.most, n, round, 0);
  return rounded;
}

inline bool is_in_range(const Ends& ends, const Format& format) {
  return smallest_word(format.bits, format.overflow) <= ends.least &&
         ends.most <= largest_word(format.bits);
}

/// Which kernels count an update whose P are from `products.least` to `products.most`, both of
/// which there are. Begins to count: what those kernels do not look at.
template <class Word>
Counting begin_counts(const Layer<Word>& layer, const TensorFormats& formats, const Ends& products,
                      UpdateCounts& counted, LayerCounts& counts) {
  const Format &gradient = formats.gradient, &master = formats.master, &weight = formats.weight;
  const Ends updates = rounded_ends(products, layer.to_gradient.shift(), gradient.round);
  if (gradient.round != Round::stochastic) {
    counted.least_update = updates.least;
    counted.most_update = updates.most;
  }
  counted.updates_fit = is_in_range(updates, gradient);
  if (!counted.updates_fit) return Counting::any;
  const Ends steps = rounded_ends(updates, layer.to_step.shift(), master.round);
  const auto fits = [&] {
    Ends moved;
    moved.least = counts.least_word + steps.least;
    moved.most = counts.most_word + steps.most;
    return is_in_range(moved, master) &&
           (!layer.has_copies || (counts.weight.holds(rounded_copy(layer, weight, moved.least)) &&
                                  counts.weight.holds(rounded_copy(layer, weight, moved.most))));
  };
  if (!fits()) {
    constexpr int updates_a_look = 32;
    if (--counts.until_look > 0) return Counting::any;
    counts.until_look = updates_a_look;
    const Ends words = ends_of(layer.master.get(), layer.rows * layer.stride);
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
  if (layer.has_copies && counting == Counting::any)
    counts.weight.add(counted.least_copy, counted.most_copy, counted.overflowed_copies);
  else if (layer.has_copies)
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
