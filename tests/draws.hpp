// Random choices for tests, the same for the same seed with every standard library.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <set>
#include <vector>

namespace gridrun {

class RandomDraws {
 public:
  explicit RandomDraws(std::uint32_t seed) : words_(seed) {}

  /// Both ends included; they may be those of the type.
  std::int64_t between(std::int64_t least, std::int64_t most) {
    const std::uint64_t range =
        static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
    const std::uint64_t drawn = range + 1 == 0 ? bits() : bits() % (range + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + drawn);
  }
  int number(int least, int most) { return static_cast<int>(between(least, most)); }
  double real(double least, double most) {
    return least + (most - least) * static_cast<double>(bits() >> 11) * 0x1p-53;
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <typename T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[between(0, std::ssize(values) - 1)];
  }
  std::uint64_t bits() { return words_(); }

  /// A signed integer of at most `width` bits of magnitude, 0 to 63.
  std::int64_t integer_of(int width) {
    const auto value = static_cast<std::int64_t>(bits() & ((std::uint64_t{1} << width) - 1));
    return chance(50) ? value : -value;
  }

  /// `count` distinct rising integers in least ... most, or as many as there are.
  std::vector<int> rising(int count, int least, int most) {
    std::set<int> values;
    for (count = std::min(count, most - least + 1); std::ssize(values) < count;)
      values.insert(static_cast<int>(between(least, most)));
    return {values.begin(), values.end()};
  }

 private:
  std::mt19937_64 words_;
};

}  // namespace gridrun
