// Sums of products of 16-bit words, exact in 32-bit lanes as far as they surely fit.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_SHORT_PRODUCTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_SHORT_PRODUCTS_INL_HPP
#undef GRIDRUN_HOST_SHORT_PRODUCTS_INL_HPP
#else
#define GRIDRUN_HOST_SHORT_PRODUCTS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "engines/cpu/general/general_statistics.hpp"
#include "engines/cpu/general/layer-inl.hpp"
#include "engines/cpu/general/short_lanes-inl.hpp"
#include "engines/cpu/general/wide_kernels-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The sums of a layer's products, given a bound on its weights: at first that of their format.
class ShortProducts {
 public:
  explicit ShortProducts(const Format& weight) {
    set_largest(std::uint64_t{1} << (weight.bits - 1));
  }

  /// From now on no |v| is larger, 1 at least.
  void set_largest(std::uint64_t weight) { most_inputs_ = 0x7fffffff / weight; }

  /// Whether a sum of |x| or |d|, each times any |v|, surely fits 31 bits.
  bool fit(std::uint64_t sum) const { return sum <= most_inputs_; }

  /// z = the sums of v x. Pairs of inputs are summed up in pieces whose |v x| surely fit 31 bits.
  void sum(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list,
           GeneralStatistics& statistics) const {
    const std::size_t pairs = (list.count + 1) / 2;
    if (fit(list.sum)) {
      ++statistics.whole_sums;
      all_products<4, Sums::whole>(layer, list, pairs);
      return;
    }
    const std::size_t piece = most_inputs_ / (2 * list.ends.largest_magnitude());
    constexpr std::size_t most_pieces = 32767;  // whose halves add up in 31 bits
    if (piece == 0 || pairs >= most_pieces * piece) {
      ++statistics.wide_sums;
      wide_products(layer, list);
    } else if (piece == 1) {
      ++statistics.pair_sums;
      all_products<2, Sums::pairs>(layer, list, piece);
    } else {
      ++statistics.split_sums;
      all_products<2, Sums::pieces>(layer, list, piece);
    }
  }

 private:
  /// How sums of products stay within 32 bits: they do, pieces of them do, or products of pairs.
  enum class Sums { whole, pieces, pairs };

  template <std::size_t kVectors, Sums kSums>
  HWY_NOINLINE void all_products(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list,
                                 std::size_t piece) const {
    const std::size_t lanes = hn::Lanes(Short());
    std::size_t j = 0;
    for (; j + kVectors * lanes <= layer.stride; j += kVectors * lanes)
      products_of<kVectors, kSums>(layer, list, piece, j);
    for (; j < layer.stride; j += lanes) products_of<1, kSums>(layer, list, piece, j);
  }

  template <std::size_t kVectors, Sums kSums>
  HWY_INLINE void products_of(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list,
                              std::size_t piece, std::size_t j) const {
    const Short d;
    const std::int16_t* const weights = layer.product_row(0) + j;
    const std::size_t stride = layer.stride, count = list.count;
    SplitSum totals[kVectors];
    for (std::size_t i = 0; i < count;) {
      const std::size_t end = std::min(count, i + 2 * piece);
      MiddlePair sums[kVectors];
      for (; i < (kSums == Sums::pairs ? count : end); i += 2) {
        std::int32_t pair;
        std::memcpy(&pair, list.x + i, sizeof pair);
        const VShort x = set_pairs(pair);
        const std::int16_t* first = weights + list.index[i] * stride;
        const std::int16_t* second = weights + list.index[i + 1] * stride;
        for (std::size_t v = 0; v < kVectors; ++v) {
          const VShort a = hn::Load(d, first + v * hn::Lanes(d));
          const VShort b = hn::Load(d, second + v * hn::Lanes(d));
          const MiddlePair products(multiply_pairs(hn::InterleaveLower(d, a, b), x),
                                    multiply_pairs(hn::InterleaveUpper(d, a, b), x));
          if constexpr (kSums == Sums::pairs)
            totals[v].add(products);
          else
            sums[v].add(products);
        }
      }
      if constexpr (kSums == Sums::whole) {
        for (std::size_t v = 0; v < kVectors; ++v)
          sums[v].store(layer.z.get() + j + v * hn::Lanes(d));
        return;
      }
      if constexpr (kSums == Sums::pieces)
        for (std::size_t v = 0; v < kVectors; ++v) totals[v].add(sums[v]);
    }
    for (std::size_t v = 0; v < kVectors; ++v)
      totals[v].store(layer.z.get() + j + v * hn::Lanes(d));
  }

  std::uint64_t most_inputs_;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
