// Words of weights brought into the format of their copies, in lanes of those words.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_COPY_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_COPY_LANES_INL_HPP
#undef GRIDRUN_HOST_COPY_LANES_INL_HPP
#else
#define GRIDRUN_HOST_COPY_LANES_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engines/cpu/general/fit_lanes-inl.hpp"
#include "gridrun/arithmetic.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Brings weights into their copies' format: rounds words that are shifted to the right by fewer
/// places than they have bits, or not at all.
template <class Word>
class CopyLanes {
 public:
  CopyLanes(const Format& master, const Format& weight)
      : shift_(master.fraction - weight.fraction),
        rounding_(takes_shift() && shift_ > 0 ? shift_ : 1, weight.round),
        range_(weight),
        least_(static_cast<Word>(std::uint64_t{0} - (magnitude(range_.smallest) >> left()))),
        most_(static_cast<Word>(range_.largest >> left())) {}

  /// Whether it can.
  bool takes_shift() const { return 0 <= shift_ && shift_ < static_cast<int>(8 * sizeof(Word)); }

  /// The rounded words, which may overflow; words that are shifted to the left are left as they
  /// are. No weight is rounded at random.
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V round(D d, V w) const {
    return shift_ <= 0 ? w : round_lanes<any_round>(d, w, rounding_, hn::Zero(d));
  }

  /// The ends of rounded words that do not overflow; of words, where they are shifted to the left.
  Word least() const { return least_; }
  Word most() const { return most_; }

  /// Copies `count` words, whole vectors.
  HWY_INLINE void copy(const Word* from, std::size_t count, Word* to) const {
    const hn::ScalableTag<Word> d;
    for (std::size_t j = 0; j < count; j += hn::Lanes(d))
      hn::Store(overflow_lanes(d, round(d, hn::Load(d, from + j)), range_), d, to + j);
  }

 private:
  int left() const { return std::clamp(-shift_, 0, 63); }

  int shift_;
  Rounding<Word> rounding_;
  WordRange<Word> range_;
  Word least_, most_;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
