// The update of a neuron in 32-bit weights.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_NARROW_UPDATE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_NARROW_UPDATE_INL_HPP
#undef GRIDRUN_HOST_NARROW_UPDATE_INL_HPP
#else
#define GRIDRUN_HOST_NARROW_UPDATE_INL_HPP
#endif

#include <algorithm>
#include <type_traits>
#include <utility>

#include "engines/cpu/narrow_inputs-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Shifts of 32-bit values by more do the same.
constexpr int largest_shift = 31;

/// 64-bit sums over a block, a lane each.
struct BlockSums {
  HWY_ALIGN std::int64_t update[group_lanes] = {};
  HWY_ALIGN std::int64_t abs_update[group_lanes] = {};

  template <class D, class V>
  HWY_INLINE void add(D d, V sum, std::size_t lane) {
    hn::StoreU(hn::Add(hn::LoadU(d, update + lane), sum), d, update + lane);
    hn::StoreU(hn::Add(hn::LoadU(d, abs_update + lane), hn::Abs(sum)), d, abs_update + lane);
  }
};

/// What an update counts where networks are diagnosed. `falling`: every u is negative, as where d
/// is nowhere positive and all x are, so that none is lost and weights fall.
enum class Counting { none, falling, any };

/// What updates counted over a block, a lane each.
struct BlockCounts {
  HWY_ALIGN std::int32_t least_update[group_lanes] = {}, most_update[group_lanes] = {};  // of u
  HWY_ALIGN std::int32_t least_weight[group_lanes] = {}, most_weight[group_lanes] = {};  // of w
  // Of the last updates: how many u are not 0, how many of them are lost, and the sums of P.
  HWY_ALIGN std::int32_t some_updates[group_lanes] = {}, some_lost[group_lanes] = {};
  HWY_ALIGN std::int64_t some_products[group_lanes] = {};

  /// Makes room for an update of so many rows in `some_updates` and `some_lost`.
  HWY_INLINE void make_room(std::uint32_t rows) {
    if (some_rows_ + rows > 0x7fffffff) add_some();
    some_rows_ += rows;
  }
  /// Makes room in `some_products` for d x, x being the sum of inputs. Returns whether there can
  /// be.
  HWY_INLINE bool make_room_for_products(std::int64_t x) {
    constexpr std::int64_t most = std::int64_t{1} << 33;  // times |d|, less than 2^29
    if (x > 0x7fffffff) return false;
    if (some_x_ + x > most) add_some();
    some_x_ += x;
    return true;
  }
  void add_product(std::size_t lane, SignedSum product) { products[lane] += product; }

  /// Adds the last updates to all.
  HWY_NOINLINE void add_some() {
    for (std::size_t lane = 0; lane < group_lanes; ++lane) {
      updates[lane] += static_cast<std::uint64_t>(std::exchange(some_updates[lane], 0));
      lost[lane] += static_cast<std::uint64_t>(std::exchange(some_lost[lane], 0));
      products[lane] += std::exchange(some_products[lane], 0);
    }
    some_rows_ = 0;
    some_x_ = 0;
  }

  std::uint64_t updates[group_lanes] = {}, lost[group_lanes] = {};
  SignedSum products[group_lanes] = {};

 private:
  std::uint64_t some_rows_ = 0;  // of the last updates
  std::int64_t some_x_ = 0;      // the sum of their inputs
};

/// The update of kLanes lanes by one sample.
template <bool kLong, std::size_t kLanes, bool kOneFraction, Counting kCounting>
class Update {
 public:
  /// Of the lanes from `lane` on, by their errors d.
  HWY_INLINE Update(const GroupSetting& setting, const SparseSample& sample, const std::int32_t* d,
                    std::size_t lane, std::int32_t* weights)
      : inputs_(setting.update_inputs, sample), w_(weights + lane), lane_(lane) {
    for (std::size_t v = 0; v < vectors; ++v) {
      least_u_[v] = most_u_[v] = least_w_[v] = most_w_[v] = hn::Zero(d32);
      updates_[v] = steps_[v] = hn::Zero(d32);
      low_x_[v] = high_x_[v] = hn::Zero(d64);
    }
    for (std::size_t v = 0; v < vectors; ++v) {
      const V32 errors = hn::LoadU(d32, d + lane + v * width);
      d_[v] = hn::ShiftLeftSame(errors, setting.error_shift);
      d_odd_[v] = odd_to_even(d_[v]);
      lr_[v] = hn::Min(hn::LoadU(d32, &setting.lr[lane + v * width]), hn::Set(d32, largest_shift));
    }
  }

  HWY_INLINE void run(const SparseSample& sample, BlockSums& block_sums) {
    const std::uint32_t* chunk = sample.chunks;
    for (const auto& [fours, twos, ones] : sample.counts) {
      if ((fours | twos | ones) == 0) continue;
      Sums sums;
      chunk = add_updates<4>(chunk, fours, sums);
      chunk = add_updates<2>(chunk, twos, sums);
      chunk = add_updates<1>(chunk, ones, sums);
      // d and the inputs of one sign give updates of one sign: their |sum| is the sum of |u|.
      for (std::size_t v = 0; v < vectors; ++v) {
        block_sums.add(d64, sums.low(v), lane_ + v * width);
        block_sums.add(d64, sums.high(v), lane_ + v * width + width / 2);
      }
    }
  }

  /// Adds what was counted in run(), with the errors d again.
  HWY_INLINE void count(const GroupSetting& setting, const SparseSample& sample,
                        const std::int32_t* d, BlockCounts& counts) const {
    const auto& [fours, twos, ones] = sample.counts[0];
    const std::uint32_t count = 4 * fours + 2 * twos + ones;
    const V32 rows = hn::Set(d32, static_cast<std::int32_t>(count));
    counts.make_room(count);
    for (std::size_t v = 0; v < vectors; ++v) {
      const std::size_t at = lane_ + v * width;
      store_least(least_u_[v], counts.least_update + at);
      store_least(least_w_[v], counts.least_weight + at);
      if constexpr (kCounting == Counting::falling) {
        const V32 errors = hn::LoadU(d32, d + at);
        add(hn::IfThenElseZero(hn::Ne(errors, hn::Zero(d32)), rows), counts.some_updates + at);
      } else {
        store_most(most_u_[v], counts.most_update + at);
        store_most(most_w_[v], counts.most_weight + at);
        add(updates_[v], counts.some_updates + at);
        add(hn::Sub(updates_[v], steps_[v]), counts.some_lost + at);
      }
    }
    add_products(setting, d, counts);
  }

 private:
  using D32 = hn::CappedTag<std::int32_t, kLanes>;
  using D64 = hn::RepartitionToWide<D32>;
  using V32 = hn::Vec<D32>;
  using V64 = hn::Vec<D64>;
  static constexpr D32 d32{};
  static constexpr D64 d64{};
  static constexpr std::size_t width = hn::MaxLanes(D32()), vectors = kLanes / width;

  /// Sums of u over one sample and inputs of one sign: in 32 bits where they fit.
  struct ShortSums {
    V32 sum[vectors];

    HWY_INLINE ShortSums() {
      for (V32& s : sum) s = hn::Zero(d32);
    }
    HWY_INLINE void add(V32 u, std::size_t v) { sum[v] = hn::Add(sum[v], u); }
    /// Adds other sums 2^kShift times.
    template <int kShift>
    HWY_INLINE void add(const ShortSums& other) {
      for (std::size_t v = 0; v < vectors; ++v)
        sum[v] = hn::Add(sum[v], hn::ShiftLeft<kShift>(other.sum[v]));
    }
    HWY_INLINE V64 low(std::size_t v) const { return hn::PromoteTo(d64, hn::LowerHalf(sum[v])); }
    HWY_INLINE V64 high(std::size_t v) const {
      return hn::PromoteTo(d64, hn::UpperHalf(hn::Half<D32>(), sum[v]));
    }
  };

  struct LongSums {
    V64 low_sum[vectors], high_sum[vectors];

    HWY_INLINE LongSums() {
      for (V64& s : low_sum) s = hn::Zero(d64);
      for (V64& s : high_sum) s = hn::Zero(d64);
    }
    HWY_INLINE void add(V32 u, std::size_t v) {
      low_sum[v] = hn::Add(low_sum[v], hn::PromoteTo(d64, hn::LowerHalf(u)));
      high_sum[v] = hn::Add(high_sum[v], hn::PromoteTo(d64, hn::UpperHalf(hn::Half<D32>(), u)));
    }
    template <int kShift>
    HWY_INLINE void add(const LongSums& other) {
      for (std::size_t v = 0; v < vectors; ++v) {
        low_sum[v] = hn::Add(low_sum[v], hn::ShiftLeft<kShift>(other.low_sum[v]));
        high_sum[v] = hn::Add(high_sum[v], hn::ShiftLeft<kShift>(other.high_sum[v]));
      }
    }
    HWY_INLINE V64 low(std::size_t v) const { return low_sum[v]; }
    HWY_INLINE V64 high(std::size_t v) const { return high_sum[v]; }
  };

  using Sums = std::conditional_t<kLong, LongSums, ShortSums>;

  /// Adds u >> lr to the rows of `count` chunks, and u once a row to `sums`. Returns the end of the
  /// chunks.
  template <std::size_t kRows>
  HWY_INLINE const std::uint32_t* add_updates(const std::uint32_t* HWY_RESTRICT chunk,
                                              std::uint32_t count, Sums& sums) {
    Sums once;
    for (const std::uint32_t* end = chunk + count * (1 + kRows); chunk != end; chunk += 1 + kRows) {
      if constexpr (kCounting != Counting::none && kOneFraction)
        x_ += std::int64_t{kRows} * inputs_.x[chunk[0]];
      for (std::size_t v = 0; v < vectors; ++v) {
        const V32 x = inputs_.get(d32, chunk[0], lane_ + v * width);
        const V64 even = hn::MulEven(d_[v], x), odd = hn::MulEven(d_odd_[v], inputs_.odd(x));
        const V32 u = hn::OddEven(hn::BitCast(d32, odd), hn::DupOdd(hn::BitCast(d32, even)));
        once.add(u, v);
        const V32 step = hn::Shr(u, lr_[v]);
        if constexpr (kCounting != Counting::none) count_rows<kRows>(x, u, step, v);
        for (std::size_t row = 0; row < kRows; ++row) {
          std::int32_t* at = w_ + chunk[1 + row] + v * width;
          const V32 w = hn::Add(hn::LoadU(d32, at), step);
          if constexpr (kCounting != Counting::none) least_w_[v] = hn::Min(least_w_[v], w);
          if constexpr (kCounting == Counting::any) most_w_[v] = hn::Max(most_w_[v], w);
          hn::StoreU(w, d32, at);
        }
      }
    }
    sums.template add<kRows / 2>(once);  // 4, 2, 1 times
    return chunk;
  }

  template <std::size_t kRows>
  HWY_INLINE void count_rows(V32 x, V32 u, V32 step, std::size_t v) {
    least_u_[v] = hn::Min(least_u_[v], u);
    if constexpr (!kOneFraction) {
      constexpr int shift = kRows / 2;
      low_x_[v] = hn::Add(low_x_[v], hn::ShiftLeft<shift>(hn::PromoteTo(d64, hn::LowerHalf(x))));
      high_x_[v] = hn::Add(
          high_x_[v], hn::ShiftLeft<shift>(hn::PromoteTo(d64, hn::UpperHalf(hn::Half<D32>(), x))));
    }
    if constexpr (kCounting == Counting::any) {
      const V32 rows = hn::Set(d32, kRows);
      most_u_[v] = hn::Max(most_u_[v], u);
      updates_[v] = hn::Add(updates_[v], hn::IfThenElseZero(hn::Ne(u, hn::Zero(d32)), rows));
      steps_[v] = hn::Add(steps_[v], hn::IfThenElseZero(hn::Ne(step, hn::Zero(d32)), rows));
    }
  }

  /// The sums of P: of a lane d times the sum of x.
  HWY_INLINE void add_products(const GroupSetting& setting, const std::int32_t* d,
                               BlockCounts& counts) const {
    const auto shift = [&](std::size_t lane) {  // of lanes that are not narrow x is 0, and has none
      return std::max(0, GroupSetting::update_shift(setting.fraction[lane], setting.input_bits));
    };
    if constexpr (kOneFraction) {
      const std::int64_t x = x_ >> shift(lane_);
      if (x_ >= 0 && counts.make_room_for_products(x)) {
        const V32 factor = hn::Set(d32, static_cast<std::int32_t>(x));
        for (std::size_t at = lane_; at < lane_ + kLanes; at += hn::MaxLanes(d64)) {
          const V64 errors = hn::PromoteTo(d64, hn::LoadU(hn::Half<D32>(), d + at));
          const V64 product = hn::MulEven(hn::BitCast(d32, errors), factor);
          std::int64_t* const to = counts.some_products + at;
          hn::StoreU(hn::Add(hn::LoadU(d64, to), product), d64, to);
        }
        return;
      }
    }
    HWY_ALIGN std::int64_t x[kLanes];
    for (std::size_t v = 0; v < vectors; ++v) {
      hn::StoreU(low_x_[v], d64, x + v * width);
      hn::StoreU(high_x_[v], d64, x + v * width + width / 2);
    }
    for (std::size_t i = 0; i < kLanes; ++i)
      counts.add_product(
          lane_ + i, SignedSum{d[lane_ + i]} * ((kOneFraction ? x_ : x[i]) >> shift(lane_ + i)));
  }

  static HWY_INLINE void add(V32 lanes, std::int32_t* to) {
    hn::StoreU(hn::Add(hn::LoadU(d32, to), lanes), d32, to);
  }
  static HWY_INLINE void store_least(V32 least, std::int32_t* of_all) {
    hn::StoreU(hn::Min(hn::LoadU(d32, of_all), least), d32, of_all);
  }
  static HWY_INLINE void store_most(V32 most, std::int32_t* of_all) {
    hn::StoreU(hn::Max(hn::LoadU(d32, of_all), most), d32, of_all);
  }

  const Inputs<kOneFraction> inputs_;
  std::int32_t* const HWY_RESTRICT w_;
  const std::size_t lane_;
  // Counted, of the sample.
  V32 least_u_[vectors], most_u_[vectors], least_w_[vectors], most_w_[vectors];
  V32 updates_[vectors], steps_[vectors];
  V64 low_x_[vectors], high_x_[vectors];  // sums of x as in update_inputs, with several fractions
  std::int64_t x_ = 0;                    // the sum with one fraction
  V32 d_[vectors], d_odd_[vectors];       // shifted by GroupSetting::error_shift
  V32 lr_[vectors];
};

/// Trains the weights of the lanes from `lane` on by one sample. Not inlined: with all its kinds in
/// one function, compilers take minutes under the sanitizers.
template <bool kLong, std::size_t kLanes, bool kOneFraction, Counting kCounting>
HWY_NOINLINE void update(const GroupSetting& setting, const SparseSample& sample,
                         const std::int32_t* d, std::size_t lane, std::int32_t* weights,
                         BlockSums& block_sums, BlockCounts* counts) {
  Update<kLong, kLanes, kOneFraction, kCounting> update(setting, sample, d, lane, weights);
  update.run(sample, block_sums);
  if constexpr (kCounting != Counting::none) update.count(setting, sample, d, *counts);
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
