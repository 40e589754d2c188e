// Networks in 32-bit words, with products of 64 bits. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/general/network_32.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/network-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Middle = hn::ScalableTag<std::int32_t>;
using MiddleU = hn::RebindToUnsigned<Middle>;
using VMiddle = hn::Vec<Middle>;

/// How words overflow: what a kernel is compiled for. `any` is looked up at run time.
enum class Range { any, wrap_32, wrap, clamp };

Range range_of(const Format& format) {
  if (format.overflow != Overflow::wrap) return Range::clamp;
  return format.bits == 32 ? Range::wrap_32 : Range::wrap;
}

template <Range kRange>
HWY_INLINE VMiddle into_range(VMiddle value, const WordRange<std::int32_t>& range) {
  const Middle d;
  if constexpr (kRange == Range::wrap_32) return value;
  if constexpr (kRange == Range::wrap)
    return hn::ShiftRightSame(hn::ShiftLeftSame(value, range.spare_bits), range.spare_bits);
  if constexpr (kRange == Range::clamp)
    return hn::Min(hn::Max(value, hn::Set(d, range.smallest)), hn::Set(d, range.largest));
  return overflow_lanes(d, value, range);
}

/// The odd lanes where the even ones were.
HWY_INLINE VMiddle odd_to_even(VMiddle v) {
  return hn::BitCast(Middle(), hn::ShiftRight<32>(hn::BitCast(WideU(), v)));
}

/// 32-bit lanes of which each is the low half of a 64-bit one, shifted right by n, 0 ... 32.
HWY_INLINE VMiddle low_of_shifted(VWide even, VWide odd, int n) {
  const Middle d;
  const WideU du;
  return hn::OddEven(hn::BitCast(d, hn::ShiftLeftSame(hn::BitCast(du, odd), 32 - n)),
                     hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(du, even), n)));
}

/// R of 1 to 31 bits from random words of which the bits `bits` may be set.
HWY_INLINE VMiddle random_middle(const std::uint32_t* words, std::uint32_t bits, int shift) {
  const MiddleU du;
  const auto word = hn::And(hn::LoadU(du, words), hn::Set(du, bits));
  return hn::BitCast(Middle(), hn::ShiftRightSame(word, 32 - shift));
}

/// What one update needs, the same for all units.
struct Update {
  const std::size_t* offsets;  // [row], of its weights
  const std::int32_t* x;       // [row]
  std::size_t rows;
  std::size_t rows_a_sum;  // whose |u| and dropped rests surely sum up in 32 bits
  std::int32_t* weights;
  RowNoise<std::uint32_t> for_gradient, for_master;
  Rounding<std::int32_t> gradient, step;
  WordRange<std::int32_t> gradient_range, master_range;
  Round gradient_round, master_round;
  std::uint32_t gradient_bits, master_bits;  // the highest bits of random words that count
};

/// Sums of unsigned 32-bit lanes.
HWY_INLINE hn::Vec<WideU> pair_sums(hn::Vec<MiddleU> sums) {
  const WideU du;
  const auto pairs = hn::BitCast(du, sums);
  return hn::Add(hn::And(pairs, hn::Set(du, 0xffffffff)), hn::ShiftRight<32>(pairs));
}

/// Updates the units from j on that a vector holds, in every row. `errors` are their d.
template <int kRound, Range kRange>
HWY_INLINE void update_units(const Update& update, std::size_t j, VMiddle errors,
                             hn::Vec<WideU>& sum_update, hn::Vec<WideU>& sum_dropped) {
  constexpr bool any = kRound == any_round;
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  constexpr bool floor = kRound == static_cast<int>(Round::floor);
  const Middle d;
  const MiddleU du;
  const VMiddle odd_errors = odd_to_even(errors);
  std::int32_t* const weights = update.weights + j;
  for (std::size_t i = 0; i < update.rows;) {
    const std::size_t end = std::min(update.rows, i + update.rows_a_sum);
    auto updates = hn::Zero(du), rests = hn::Zero(du);
    for (; i < end; ++i) {
      const VMiddle x = hn::Set(d, update.x[i]);
      const VWide even = hn::MulEven(errors, x), odd = hn::MulEven(odd_errors, x);
      VMiddle u = low_of_shifted(even, odd, update.gradient.shift);
      VMiddle random = hn::Zero(d);
      if (!floor) {
        if (stochastic || (any && update.gradient_round == Round::stochastic))
          random = random_middle(update.for_gradient.row(i) + j, update.gradient_bits,
                                 update.gradient.shift);
        const VMiddle rest =
            hn::And(low_of_shifted(even, odd, 0), hn::Set(d, update.gradient.mask));
        const VMiddle sign = low_of_shifted(even, odd, 32);
        u = round_quotient<kRound>(d, u, rest, sign, update.gradient, random);
      }
      u = into_range<kRange>(u, update.gradient_range);
      updates = hn::Add(updates, hn::BitCast(du, hn::Abs(u)));
      rests = hn::Add(rests, hn::BitCast(du, hn::And(u, hn::Set(d, update.step.mask))));
      const bool draws = stochastic || (any && update.master_round == Round::stochastic);
      random =
          draws ? random_middle(update.for_master.row(i) + j, update.master_bits, update.step.shift)
                : hn::Zero(d);
      const VMiddle step = round_lanes<kRound>(d, u, update.step, random);
      std::int32_t* const w = weights + update.offsets[i];
      hn::Store(into_range<kRange>(hn::Add(hn::Load(d, w), step), update.master_range), d, w);
    }
    sum_update = hn::Add(sum_update, pair_sums(updates));
    sum_dropped = hn::Add(sum_dropped, pair_sums(rests));
  }
}

/// Updates all units that have an error.
template <int kRound, Range kRange>
HWY_NOINLINE void update_layer(const Update& update, const std::int32_t* errors, std::size_t stride,
                               LayerSums& sums) {
  const Middle d;
  const WideU du;
  auto sum_update = hn::Zero(du), sum_dropped = hn::Zero(du);
  for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
    const VMiddle d_of_units = hn::LoadU(d, errors + j);
    if (hn::AllTrue(d, hn::Eq(d_of_units, hn::Zero(d)))) continue;
    update_units<kRound, kRange>(update, j, d_of_units, sum_update, sum_dropped);
  }
  sums.abs_update += hn::GetLane(hn::SumOfLanes(du, sum_update));
  sums.dropped += hn::GetLane(hn::SumOfLanes(du, sum_dropped));
}

using UpdateLayer = void (*)(const Update&, const std::int32_t*, std::size_t, LayerSums&);

template <int kRound>
UpdateLayer update_for(Range range) {
  switch (range) {
    case Range::wrap_32:
      return update_layer<kRound, Range::wrap_32>;
    case Range::wrap:
      return update_layer<kRound, Range::wrap>;
    case Range::clamp:
      return update_layer<kRound, Range::clamp>;
    case Range::any:
      break;
  }
  return update_layer<any_round, Range::any>;
}

/// The kernel compiled for a network's roundings and overflows, if gradient and master have the
/// same.
UpdateLayer update_for(const Format& gradient, const Format& master) {
  const Range range = range_of(gradient);
  if (gradient.round == master.round && range == range_of(master)) {
    switch (gradient.round) {
      case Round::floor:
        return update_for<static_cast<int>(Round::floor)>(range);
      case Round::toward_zero:
        return update_for<static_cast<int>(Round::toward_zero)>(range);
      case Round::nearest_up:
        return update_for<static_cast<int>(Round::nearest_up)>(range);
      case Round::nearest_down:
        return update_for<static_cast<int>(Round::nearest_down)>(range);
      case Round::nearest_even:
        return update_for<static_cast<int>(Round::nearest_even)>(range);
      case Round::nearest_away:
        return update_for<static_cast<int>(Round::nearest_away)>(range);
      case Round::stochastic:
        return update_for<static_cast<int>(Round::stochastic)>(range);
    }
  }
  return update_layer<any_round, Range::any>;
}

/// The largest magnitude of some words.
template <class T>
std::uint64_t largest_of(const T* values, std::size_t count) {
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < count; ++i)
    largest = std::max(largest, std::abs(static_cast<std::int64_t>(values[i])));
  return static_cast<std::uint64_t>(largest);
}

class MiddleKernels {
 public:
  explicit MiddleKernels(const NetworkSpec& spec)
      : wide_(spec),
        gradient_(spec.formats.gradient),
        master_(spec.formats.master),
        update_(update_for(gradient_, master_)) {}

  GeneralStatistics statistics() const { return statistics_; }

  bool train_batch(std::vector<Layer<std::int32_t>>&, std::span<const LabelledInputs<std::int32_t>>,
                   Clock, Draws&, std::vector<LayerSums>&, std::size_t, Bits&) {
    return false;
  }

  /// z = the sums of v x.
  void products(Layer<std::int32_t>& layer, const InputList<std::int32_t>& list) {
    set_offsets(layer, list);
    const std::size_t lanes = hn::Lanes(Middle());
    std::size_t j = 0;
    for (; j + 4 * lanes <= layer.stride; j += 4 * lanes) products_of<4>(layer, list, j);
    for (; j < layer.stride; j += lanes) products_of<1>(layer, list, j);
  }

  /// e of the layer below, for its units `rows`.
  void row_errors(const Layer<std::int32_t>& layer, const std::uint32_t* rows, std::size_t count,
                  std::int64_t* e) {
    const Middle d;
    const Wide wide;
    shorten_errors(layer);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t* row = layer.product_row(rows[i]);
      VWide even = hn::Zero(wide), odd = hn::Zero(wide);
      for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
        const VMiddle v = hn::Load(d, row + j), error = hn::LoadU(d, &errors_[j]);
        even = hn::Add(even, hn::MulEven(v, error));
        odd = hn::Add(odd, hn::MulEven(odd_to_even(v), odd_to_even(error)));
      }
      e[rows[i]] = hn::GetLane(hn::SumOfLanes(wide, hn::Add(even, odd)));
    }
  }

  void update(Layer<std::int32_t>& layer, const InputList<std::int32_t>& list,
              RowNoise<std::uint32_t> for_gradient, RowNoise<std::uint32_t> for_master,
              LayerSums& sums) {
    const int shift = layer.to_gradient.shift();
    const std::uint64_t most_product =
        largest_of(layer.d.get(), layer.units) * largest_of(list.x, list.count);
    const std::uint64_t most_quotient = (most_product >> shift) + 1;
    constexpr std::uint64_t room = std::uint64_t{1} << 30;
    if (gradient_.overflow != Overflow::wrap && most_quotient > room) {
      ++statistics_.wide_updates;
      wide_.update(layer, list, for_gradient, for_master, sums);
      return;
    }
    ++statistics_.middle_updates;
    const Rounding<std::int32_t> step(layer.to_step.shift(), master_.round);
    const std::uint64_t most_update =
        std::min(std::uint64_t{1} << (gradient_.bits - 1), most_quotient);
    set_offsets(layer, list);
    shorten_errors(layer);
    const Update update{offsets_.data(),
                        list.x,
                        list.count,
                        0xffffffff / std::max(most_update, static_cast<std::uint64_t>(step.mask)),
                        layer.master.get(),
                        for_gradient,
                        for_master,
                        {shift, gradient_.round},
                        step,
                        WordRange<std::int32_t>(gradient_),
                        WordRange<std::int32_t>(master_),
                        gradient_.round,
                        master_.round,
                        highest_bits(gradient_.random_bits),
                        highest_bits(master_.random_bits)};
    update_(update, errors_.data(), layer.stride, sums);
  }

 private:
  static std::uint32_t highest_bits(int bits) {
    return static_cast<std::uint32_t>(0xffffffff00000000U >> bits);
  }

  void set_offsets(const Layer<std::int32_t>& layer, const InputList<std::int32_t>& list) {
    offsets_.resize(list.count);
    for (std::size_t i = 0; i < list.count; ++i) offsets_[i] = list.index[i] * layer.stride;
  }

  template <std::size_t kVectors>
  HWY_INLINE void products_of(Layer<std::int32_t>& layer, const InputList<std::int32_t>& list,
                              std::size_t j) {
    const Middle d;
    const Wide wide;
    const std::int32_t* const weights = layer.product_row(0) + j;
    VWide even[kVectors], odd[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) even[v] = odd[v] = hn::Zero(wide);
    for (std::size_t i = 0; i < list.count; ++i) {
      const VMiddle x = hn::Set(d, list.x[i]);
      const std::int32_t* row = weights + offsets_[i];
      for (std::size_t v = 0; v < kVectors; ++v) {
        const VMiddle w = hn::Load(d, row + v * hn::Lanes(d));
        even[v] = hn::Add(even[v], hn::MulEven(w, x));
        odd[v] = hn::Add(odd[v], hn::MulEven(odd_to_even(w), x));
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v)
      hn::StoreInterleaved2(even[v], odd[v], wide, layer.z.get() + j + v * hn::Lanes(d));
  }

  void shorten_errors(const Layer<std::int32_t>& layer) {
    errors_.resize(layer.stride);
    for (std::size_t j = 0; j < layer.stride; ++j)
      errors_[j] = static_cast<std::int32_t>(layer.d[j]);
  }

  GeneralStatistics statistics_;
  WideKernels wide_;
  const Format gradient_, master_;
  const UpdateLayer update_;
  std::vector<std::size_t> offsets_;  // of the list's rows
  std::vector<std::int32_t> errors_;  // d [unit]
};

/// Owned by the caller.
GeneralNetwork<std::int32_t>* new_network_32(const NetworkSpec& spec, const Weights& weights) {
  return new Network<std::int32_t, MiddleKernels>(spec, weights);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(new_network_32);
}  // namespace

std::unique_ptr<GeneralNetwork<std::int32_t>> make_network_32(const NetworkSpec& spec,
                                                              const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int32_t>>(
      HWY_DYNAMIC_DISPATCH(new_network_32)(spec, weights));
}

}  // namespace gridrun
#endif
