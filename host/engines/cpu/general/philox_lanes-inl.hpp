// Philox4x32-10 in SIMD lanes, a block a lane: the words of gridrun/philox.hpp.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_PHILOX_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_PHILOX_LANES_INL_HPP
#undef GRIDRUN_HOST_PHILOX_LANES_INL_HPP
#else
#define GRIDRUN_HOST_PHILOX_LANES_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engines/cpu/general/draw_of.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// How many vectors of blocks are drawn at once: the multiplications of one fill the time that
/// those of the others take.
constexpr std::size_t philox_vectors = 2;

/// Blocks drawn at once.
HWY_INLINE std::size_t philox_lanes() {
  return philox_vectors * hn::Lanes(hn::ScalableTag<std::uint64_t>());
}

/// Draws 4 words for each of philox_lanes() blocks, whose counters begin with counter(vector).
template <class Counter>
HWY_INLINE void philox_blocks(const Counter& counter, const DrawOf& of, std::uint32_t* words) {
  // Each word lies in the low half of a 64-bit lane, with anything in the high half.
  const hn::ScalableTag<std::uint64_t> d;
  using V = hn::Vec<decltype(d)>;
  const hn::Repartition<std::uint32_t, decltype(d)> d32;
  const auto multiply = [&](V a, std::uint32_t b) {
    return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, hn::Set(d, b)));
  };
  V c0[philox_vectors], c1[philox_vectors], c2[philox_vectors], c3[philox_vectors];
  for (std::size_t v = 0; v < philox_vectors; ++v) {
    c0[v] = counter(v);
    c1[v] = hn::Set(d, of.t);
    c2[v] = hn::Set(d, of.layer);
    c3[v] = hn::Set(d, static_cast<std::uint32_t>(of.tensor));
  }
  std::uint32_t key_0 = of.seed, key_1 = rounding_key;
  for (int round = 0; round < 10; ++round) {
    for (std::size_t v = 0; v < philox_vectors; ++v) {
      const V product_0 = multiply(c0[v], 0xD2511F53), product_1 = multiply(c2[v], 0xCD9E8D57);
      c0[v] = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_1), c1[v]), hn::Set(d, key_0));
      c2[v] = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_0), c3[v]), hn::Set(d, key_1));
      c1[v] = product_1;
      c3[v] = product_0;
    }
    key_0 += 0x9E3779B9;
    key_1 += 0xBB67AE85;
  }
  const V low = hn::Set(d, 0xffffffff);
  for (std::size_t v = 0; v < philox_vectors; ++v) {
    const V c01 = hn::Or(hn::And(c0[v], low), hn::ShiftLeft<32>(c1[v]));
    const V c23 = hn::Or(hn::And(c2[v], low), hn::ShiftLeft<32>(c3[v]));
    hn::StoreInterleaved2(c01, c23, d,
                          reinterpret_cast<std::uint64_t*>(words + 4 * v * hn::Lanes(d)));
  }
}

/// The words of `count` elements from `first` on begin in `words` at the offset that is returned.
/// `words` has room for count + 3 and 4 philox_lanes() more.
inline std::size_t draw_words(std::size_t first, std::size_t count, const DrawOf& of,
                              std::uint32_t* words) {
  const hn::ScalableTag<std::uint64_t> d;
  const std::size_t blocks = (first % 4 + count + 3) / 4;
  for (std::size_t block = 0; block < blocks; block += philox_lanes())
    philox_blocks(
        [&](std::size_t v) {
          return hn::Iota(d, static_cast<std::uint32_t>(first / 4 + block + v * hn::Lanes(d)));
        },
        of, words + 4 * block);
  return first % 4;
}

/// Copies words, or their highest halves, or their lowest: whole vectors, so that up to 60 bytes
/// more are written.
HWY_INLINE void copy_words(const std::uint32_t* from, std::size_t count, std::uint32_t* to) {
  const hn::ScalableTag<std::uint32_t> d;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d))
    hn::StoreU(hn::LoadU(d, from + i), d, to + i);
}
template <bool kHighest>
HWY_INLINE void copy_halves(const std::uint32_t* from, std::size_t count, std::uint16_t* to) {
  const hn::ScalableTag<std::uint32_t> d;
  const hn::Rebind<std::uint16_t, decltype(d)> half;
  const hn::RebindToSigned<decltype(d)> di;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto words = hn::LoadU(d, from + i);
    const auto halves = kHighest ? hn::ShiftRight<16>(words) : hn::And(words, hn::Set(d, 0xffff));
    hn::StoreU(hn::DemoteTo(half, hn::BitCast(di, halves)), half, to + i);
  }
}

/// Draws the words of rows of `units` elements: element e = k units + j of row k. Row index[i]
/// begins at rows + i units. Up to 60 bytes are written after the last row. Words of 16 bits are
/// the highest halves; unless `low_halves` is 0 the lowest come so many places later.
template <class Word>
void draw_rows(const std::uint32_t* index, std::size_t count, std::size_t units,
               std::size_t low_halves, const DrawOf& of, Word* rows) {
  const hn::ScalableTag<std::uint64_t> d;
  const hn::Rebind<std::uint32_t, decltype(d)> narrow;
  constexpr std::size_t most_blocks = 256;  // at once
  HWY_ALIGN std::uint32_t blocks[most_blocks], words[4 * most_blocks + 16];
  const auto begin = [&](std::size_t i) { return std::size_t{index[i]} * units; };
  const auto copy = [&](const std::uint32_t* from, std::size_t some, Word* to) {
    if constexpr (sizeof(Word) == sizeof(std::uint32_t)) {
      copy_words(from, some, to);
    } else {
      copy_halves<true>(from, some, to);
      if (low_halves != 0) copy_halves<false>(from, some, to + low_halves);
    }
  };
  if ((units + 6) / 4 > most_blocks - 2 * philox_lanes()) {  // rows of many blocks, piece by piece
    constexpr std::size_t piece = 4 * (most_blocks / 2);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < units; j += piece) {
        const std::size_t some = std::min(piece, units - j);
        const std::size_t offset = draw_words(begin(i) + j, some, of, words);
        Word* const to = rows + i * units + j;
        for (std::size_t n = 0; n < some; ++n) {
          to[n] = static_cast<Word>(words[offset + n] >> (32 - 8 * sizeof(Word)));
          if (low_halves != 0) to[low_halves + n] = static_cast<Word>(words[offset + n]);
        }
      }
    return;
  }
  for (std::size_t i = 0; i < count;) {  // as many rows at once as there is room for
    std::size_t used = 0, end = i;
    for (; end < count; ++end) {
      const std::size_t last = (begin(end) + units - 1) / 4;
      if (used + last - begin(end) / 4 >= most_blocks - philox_lanes()) break;
      for (std::size_t block = begin(end) / 4; block <= last; ++block)
        blocks[used++] = static_cast<std::uint32_t>(block);
    }
    for (std::size_t n = 0; n < philox_lanes(); ++n) blocks[used + n] = 0;
    for (std::size_t n = 0; n < used; n += philox_lanes())
      philox_blocks(
          [&](std::size_t v) {
            return hn::PromoteTo(d, hn::LoadU(narrow, blocks + n + v * hn::Lanes(d)));
          },
          of, words + 4 * n);
    const std::uint32_t* from = words;
    for (; i < end; ++i) {
      const std::size_t offset = begin(i) % 4;
      copy(from + offset, units, rows + i * units);
      from += 4 * ((offset + units + 3) / 4);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
