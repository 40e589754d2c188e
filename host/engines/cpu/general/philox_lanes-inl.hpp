// Philox4x32-10 in SIMD lanes, a block a lane: the words of gridrun/philox.hpp.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_PHILOX_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_PHILOX_LANES_INL_HPP
#undef GRIDRUN_HOST_PHILOX_LANES_INL_HPP
#else
#define GRIDRUN_HOST_PHILOX_LANES_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// What a tensor's random words depend on beside the element.
struct DrawOf {
  std::uint32_t t, layer, tensor, seed;
};

/// Blocks that one call of `philox_blocks` draws.
inline std::size_t philox_lanes() { return hn::Lanes(hn::ScalableTag<std::uint64_t>()); }

/// Draws the blocks first, first + 1 ... of philox_lanes(), 4 words each.
HWY_INLINE void philox_blocks(std::uint32_t first, const DrawOf& of, std::uint32_t* words) {
  // Each word lies in the low half of a 64-bit lane, with anything in the high half.
  const hn::ScalableTag<std::uint64_t> d;
  const hn::Repartition<std::uint32_t, decltype(d)> d32;
  using V = hn::Vec<decltype(d)>;
  const auto multiply = [&](V a, std::uint32_t b) {
    return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, hn::Set(d, b)));
  };
  V c0 = hn::Iota(d, first), c1 = hn::Set(d, of.t), c2 = hn::Set(d, of.layer),
    c3 = hn::Set(d, of.tensor);
  std::uint32_t key_0 = of.seed, key_1 = 0x67726964;
  for (int round = 0; round < 10; ++round) {
    const V product_0 = multiply(c0, 0xD2511F53), product_1 = multiply(c2, 0xCD9E8D57);
    c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_1), c1), hn::Set(d, key_0));
    c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_0), c3), hn::Set(d, key_1));
    c1 = product_1;
    c3 = product_0;
    key_0 += 0x9E3779B9;
    key_1 += 0xBB67AE85;
  }
  const V low = hn::Set(d, 0xffffffff);
  const V c01 = hn::Or(hn::And(c0, low), hn::ShiftLeft<32>(c1));
  const V c23 = hn::Or(hn::And(c2, low), hn::ShiftLeft<32>(c3));
  hn::StoreInterleaved2(c01, c23, d, reinterpret_cast<std::uint64_t*>(words));
}

/// The words of `count` elements from `first` on begin in `words` at the offset that is returned.
/// `words` has room for count + 3 + 4 philox_lanes().
inline std::size_t draw_words(std::size_t first, std::size_t count, const DrawOf& of,
                              std::uint32_t* words) {
  const std::size_t blocks = (first % 4 + count + 3) / 4;
  for (std::size_t block = 0; block < blocks; block += philox_lanes())
    philox_blocks(static_cast<std::uint32_t>(first / 4 + block), of, words + 4 * block);
  return first % 4;
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
