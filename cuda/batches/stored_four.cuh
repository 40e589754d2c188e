// Device: four neighbouring values of a matrix, as they are in memory.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// Nothing takes them apart before their bytes are asked for: registers are words of 32 bits.
template <typename Value>
struct [[gnu::may_alias]] alignas(sizeof(Value) < 4 ? 8 : 16) StoredFour {
  std::uint32_t word[sizeof(Value)];  // the first value's first

  static __device__ __forceinline__ StoredFour read(const Value* from) {
    return read_only(reinterpret_cast<const StoredFour*>(from));
  }

  /// Value i, of 8 bytes.
  __device__ __forceinline__ std::int64_t wide(std::uint32_t i) const {
    static_assert(sizeof(Value) == 8);
    return static_cast<std::int64_t>(std::uint64_t{word[2 * i + 1]} << 32 | word[2 * i]);
  }
};

/// Bytes `byte` of four words, the first one's lowest. Both halves of words are taken apart in two
/// steps, of which two bytes have the first in common.
__device__ __forceinline__ std::uint32_t bytes_of_words(std::uint32_t first, std::uint32_t second,
                                                        std::uint32_t third, std::uint32_t fourth,
                                                        std::uint32_t byte) {
  const std::uint32_t half = byte / 2 == 0 ? 0x5410 : 0x7632;
  return __byte_perm(__byte_perm(first, second, half), __byte_perm(third, fourth, half),
                     byte % 2 == 0 ? 0x6420 : 0x7531);
}

/// Bytes `plane` of the four values, the first one's lowest.
template <typename Value>
__device__ __forceinline__ std::uint32_t bytes_of_values(const StoredFour<Value>& four,
                                                         std::uint32_t plane) {
  if constexpr (sizeof(Value) == 2) {
    return __byte_perm(four.word[0], four.word[1], 0x6420 + 0x1111 * plane);
  } else {
    static_assert(sizeof(Value) == 4);
    return bytes_of_words(four.word[0], four.word[1], four.word[2], four.word[3], plane);
  }
}

/// Bytes `plane` of values i of four such fours, the first one's lowest.
template <typename Value>
__device__ __forceinline__ std::uint32_t bytes_across(const StoredFour<Value> (&fours)[4],
                                                      std::uint32_t i, std::uint32_t plane) {
  const auto byte = static_cast<std::uint32_t>(i * sizeof(Value)) + plane, word = byte / 4;
  return bytes_of_words(fours[0].word[word], fours[1].word[word], fours[2].word[word],
                        fours[3].word[word], byte % 4);
}

}  // namespace gridrun::cuda
