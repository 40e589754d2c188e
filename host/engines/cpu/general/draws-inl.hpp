// The random words of one network.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_DRAWS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_DRAWS_INL_HPP
#undef GRIDRUN_HOST_DRAWS_INL_HPP
#else
#define GRIDRUN_HOST_DRAWS_INL_HPP
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "engines/cpu/general/layer-inl.hpp"
#include "engines/cpu/general/philox_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Random words of some rows of weights, or their highest halves: those of a list's i-th row begin
/// at base + place[i] stride. Where networks need them, their lowest halves are `low_halves` later.
template <class Noise>
struct RowNoise {
  const Noise* base;
  const std::uint32_t* place;
  std::size_t stride;
  std::size_t low_halves = 0;

  HWY_INLINE const Noise* row(std::size_t i) const { return base + place[i] * stride; }
};

/// Random words of one network.
class Draws {
 public:
  Draws(std::uint32_t seed, std::size_t most_units, std::size_t most_rows)
      : seed_(seed),
        words_(aligned_zeros<std::uint32_t>(most_units + margin)),
        halves_(most_units, std::uint32_t{1} << 31) {
    for (std::uint32_t i = 0; i < std::max(most_units, most_rows); ++i) naturals_.push_back(i);
  }

  /// Those of the units of a layer, until the next call.
  const std::uint32_t* units(Drawn tensor, std::size_t layer, std::uint32_t t, std::size_t units) {
    return words_.get() + draw_words(0, units, of(tensor, layer, t), words_.get());
  }

  /// Those of the units of a layer in `steps` steps from t on: [step][units + margin].
  void matrix(Drawn tensor, std::size_t layer, std::uint32_t t, std::size_t steps,
              std::size_t units, std::vector<std::uint32_t>& words) const {
    words.resize(steps * (units + margin));
    for (std::uint32_t i = 0; i < steps; ++i)
      draw_words(0, units, of(tensor, layer, t + i), &words[i * (units + margin)]);
  }
  static constexpr std::size_t margin = 128;  // whole blocks are drawn, and whole vectors read

  /// Those of some rows of a layer, until the next call for the tensor.
  template <class Noise>
  RowNoise<Noise> rows(Drawn tensor, std::size_t layer, std::uint32_t t, const std::uint32_t* index,
                       std::size_t count, std::size_t units) {
    const std::size_t low_halves =
        sizeof(Noise) < sizeof(std::uint32_t) ? count * units + vector_bytes : 0;
    std::vector<std::byte>& room = rows_[tensor == Drawn::master];
    const std::size_t bytes = (low_halves + count * units) * sizeof(Noise) + vector_bytes;
    if (room.size() < bytes) room.resize(bytes);
    auto* words = reinterpret_cast<Noise*>(room.data());
    draw_rows(index, count, units, low_halves, of(tensor, layer, t), words);
    return {words, naturals_.data(), units, low_halves};
  }

  /// What stands for a row that is not drawn.
  template <class Noise>
  RowNoise<Noise> none() const {
    return {reinterpret_cast<const Noise*>(halves_.data()), naturals_.data(), 0};
  }

  /// Words that make any R = 2^(n-1).
  const std::uint32_t* halves() const { return halves_.data(); }

  /// 0, 1, 2 ...
  const std::uint32_t* naturals() const { return naturals_.data(); }

 private:
  static constexpr std::size_t vector_bytes = 64;  // rows are read in whole vectors

  DrawOf of(Drawn tensor, std::size_t layer, std::uint32_t t) const {
    return {t, static_cast<std::uint32_t>(layer), tensor, seed_};
  }

  std::uint32_t seed_;
  hwy::AlignedFreeUniquePtr<std::uint32_t[]> words_;
  std::vector<std::byte> rows_[2];
  std::vector<std::uint32_t> halves_;
  std::vector<std::uint32_t> naturals_;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
