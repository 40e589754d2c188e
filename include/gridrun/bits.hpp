// Host and device: a list of bits of fixed length.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gridrun {

struct Bits {
  std::vector<std::uint64_t> words;  // bit i % 64 of word i / 64; those after the last are zero

  explicit Bits(std::size_t count = 0) : words(words_of(count)) {}

  static constexpr std::size_t words_of(std::size_t count) { return (count + 63) / 64; }

  void set(std::size_t i) { words[i / 64] |= std::uint64_t{1} << (i % 64); }
  bool operator[](std::size_t i) const { return (words[i / 64] >> (i % 64) & 1) != 0; }

  /// How many are set.
  std::uint64_t count() const {
    std::uint64_t count = 0;
    for (const std::uint64_t word : words) count += static_cast<unsigned>(std::popcount(word));
    return count;
  }

  friend bool operator==(const Bits&, const Bits&) = default;
};

}  // namespace gridrun
