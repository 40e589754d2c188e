// The sums z of a neuron in 32-bit weights.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_NARROW_PRODUCTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_NARROW_PRODUCTS_INL_HPP
#undef GRIDRUN_HOST_NARROW_PRODUCTS_INL_HPP
#else
#define GRIDRUN_HOST_NARROW_PRODUCTS_INL_HPP
#endif

#include "engines/cpu/narrow_inputs-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A group's lanes lie in one or more vectors of 32-bit lanes. 64-bit values of the even and of the
// odd lanes lie in vectors of their own, because that is how a multiplication yields them.
using Lanes32 = hn::CappedTag<std::int32_t, group_lanes>;
using Lanes64 = hn::RepartitionToWide<Lanes32>;
using Unsigned64 = hn::RebindToUnsigned<Lanes64>;
using Lanes16 = hn::Repartition<std::int16_t, Lanes32>;
using Half32 = hn::Half<Lanes32>;
using V32 = hn::Vec<Lanes32>;
using V64 = hn::Vec<Lanes64>;
using U64 = hn::Vec<Unsigned64>;
constexpr Lanes32 d32;
constexpr Lanes64 d64;
constexpr Unsigned64 du64;
constexpr Lanes16 d16;
constexpr std::size_t width = hn::MaxLanes(d32);
constexpr std::size_t vectors = group_lanes / width;
static_assert(vectors * width == group_lanes);

/// 64-bit sums of products of 32-bit factors, those of the even and of the odd lanes.
template <bool kOneFraction>
struct LongProducts {
  V64 even[vectors], odd[vectors];

  HWY_INLINE LongProducts() {
    for (std::size_t v = 0; v < vectors; ++v) even[v] = odd[v] = hn::Zero(d64);
  }
  HWY_INLINE void add(V32 weight, std::uint32_t value, Inputs<kOneFraction> inputs, std::size_t v) {
    const V32 x = inputs.get(d32, value, v * width);
    even[v] = hn::Add(even[v], hn::MulEven(weight, x));
    odd[v] = hn::Add(odd[v], hn::MulEven(odd_to_even(weight), inputs.odd(x)));
  }
  HWY_INLINE void get(V64 (&z_even)[vectors], V64 (&z_odd)[vectors]) const {
    for (std::size_t v = 0; v < vectors; ++v) {
      z_even[v] = even[v];
      z_odd[v] = odd[v];
    }
  }
};

/// 32-bit sums of products of 16-bit factors, which lie in the lower halves of 32-bit lanes. The
/// upper halves of inputs are 0.
template <bool kOneFraction>
struct ShortProducts {
  V32 sum[vectors];
  V32 more[vectors];  // some targets sum up in two vectors

  HWY_INLINE ShortProducts() {
    for (std::size_t v = 0; v < vectors; ++v) sum[v] = more[v] = hn::Zero(d32);
  }
  HWY_INLINE void add(V32 weight, std::uint32_t value, Inputs<kOneFraction> inputs, std::size_t v) {
    sum[v] = hn::ReorderWidenMulAccumulate(d32, hn::BitCast(d16, weight),
                                           hn::BitCast(d16, inputs.get(d32, value, v * width)),
                                           sum[v], more[v]);
  }
  HWY_INLINE void get(V64 (&z_even)[vectors], V64 (&z_odd)[vectors]) const {
    const V32 one = hn::Set(d32, 1);
    for (std::size_t v = 0; v < vectors; ++v) {
      const V32 z = total(v);
      z_even[v] = hn::MulEven(z, one);
      z_odd[v] = hn::MulEven(odd_to_even(z), one);
    }
  }
  HWY_INLINE V32 total(std::size_t v) const { return hn::RearrangeToOddPlusEven(sum[v], more[v]); }
};

/// Adds the products of `count` chunks of kRows rows. Returns the end of the chunks.
template <std::size_t kRows, bool kOneFraction, class Products>
HWY_INLINE const std::uint32_t* add_products(const std::uint32_t* HWY_RESTRICT chunk,
                                             std::uint32_t count,
                                             const std::int32_t* HWY_RESTRICT w,
                                             Inputs<kOneFraction> inputs, Products& products) {
  for (const std::uint32_t* end = chunk + count * (1 + kRows); chunk != end; chunk += 1 + kRows)
    for (std::size_t v = 0; v < vectors; ++v) {
      V32 weight = hn::Load(d32, w + chunk[1] + v * width);
      for (std::size_t row = 1; row < kRows; ++row)
        weight = hn::Add(weight, hn::Load(d32, w + chunk[1 + row] + v * width));
      products.add(weight, chunk[0], inputs, v);
    }
  return chunk;
}

/// The sums z of a sample, which `count` is called with too.
template <template <bool> class Products, bool kOneFraction, class Count>
HWY_INLINE void sum_products(const SparseSample& sample, const std::int32_t* w,
                             Inputs<kOneFraction> inputs, V64 (&z_even)[vectors],
                             V64 (&z_odd)[vectors], const Count& count) {
  Products<kOneFraction> products;
  const std::uint32_t* chunk = sample.chunks;
  for (const auto& [fours, twos, ones] : sample.counts) {
    chunk = add_products<4>(chunk, fours, w, inputs, products);
    chunk = add_products<2>(chunk, twos, w, inputs, products);
    chunk = add_products<1>(chunk, ones, w, inputs, products);
  }
  products.get(z_even, z_odd);
  count(products);
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
