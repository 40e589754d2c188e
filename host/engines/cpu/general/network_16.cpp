// Networks in 16-bit words. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/general/network_16.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <cstring>

#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/network-inl.hpp"
#include "engines/cpu/general/short_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// How words overflow: what a kernel is compiled for. `any` is looked up at run time.
enum class Range { any, wrap_16, wrap, saturate_16, clamp };

Range range_of(const Format& format) {
  if (format.overflow == Overflow::wrap) return format.bits == 16 ? Range::wrap_16 : Range::wrap;
  return format.overflow == Overflow::saturate && format.bits == 16 ? Range::saturate_16
                                                                    : Range::clamp;
}

/// What one update needs, the same for all units.
struct Update {
  const std::size_t* offsets;  // [row], of its weights
  const std::int32_t* pairs;   // [row], x and the constant that is added to P; stochastic: x and x
  std::size_t rows;
  std::int16_t* weights;
  RowNoise<std::uint16_t> for_gradient, for_master;
  Rounding<std::int32_t> gradient;
  Rounding<std::int16_t> step;
  WordRange<std::int16_t> gradient_range, master_range;
  Round gradient_round, master_round;
  std::uint16_t gradient_bits, master_bits;  // the highest bits of R's 16 that may be set
};

/// What is added to P before it is shifted.
constexpr std::int16_t rounding_constant(int round, int shift) {
  const int half = 1 << (shift - 1);
  switch (round) {
    case static_cast<int>(Round::nearest_up):
      return static_cast<std::int16_t>(half);
    case static_cast<int>(Round::nearest_down):
    case static_cast<int>(Round::nearest_even):
    case static_cast<int>(Round::nearest_away):
      return static_cast<std::int16_t>(half - 1);
    default:
      return 0;
  }
}

/// P >> n rounded, given P plus the constant of the rounding, or plus R.
template <int kRound>
HWY_INLINE VMiddle round_products(VMiddle product, const Rounding<std::int32_t>& rounding) {
  const Middle d;
  const auto is = [](Round round) { return kRound == static_cast<int>(round); };
  const hn::RebindToUnsigned<Middle> du;
  const auto shifted = [&](VMiddle v, int n) {
    return hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(du, v), n));
  };
  if (is(Round::nearest_even))  // half - 1 carries no tie; an odd quotient does
    product = hn::Add(product, hn::And(shifted(product, rounding.shift), hn::Set(d, 1)));
  if (is(Round::nearest_away))  // half - 1 carries no tie; a positive P does
    product = hn::Add(product, shifted(hn::Not(product), 31));
  if (is(Round::toward_zero))  // 2^n - 1 makes a negative one round up
    product = hn::Add(product, shifted(hn::BroadcastSignBit(product), 32 - rounding.shift));
  return hn::ShiftRightSame(product, rounding.shift);
}

template <Range kRange>
HWY_INLINE VShort into_range(VShort value, const WordRange<std::int16_t>& range) {
  const Short d;
  if constexpr (kRange == Range::wrap_16 || kRange == Range::saturate_16) return value;
  if constexpr (kRange == Range::wrap)
    return hn::ShiftRightSame(hn::ShiftLeftSame(value, range.spare_bits), range.spare_bits);
  if constexpr (kRange == Range::clamp)
    return hn::Min(hn::Max(value, hn::Set(d, range.smallest)), hn::Set(d, range.largest));
  return overflow_lanes(d, value, range);
}

/// Rounded quotients brought into the range of u.
template <Range kRange>
HWY_INLINE VShort into_words(VMiddle lower, VMiddle upper, const WordRange<std::int16_t>& range) {
  const auto low_half = [](VMiddle v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
  if (kRange == Range::wrap || kRange == Range::wrap_16 || (kRange == Range::any && range.wraps)) {
    lower = low_half(lower);
    upper = low_half(upper);
  }
  return into_range<kRange>(hn::ReorderDemote2To(Short(), lower, upper), range);
}

template <Range kRange>
HWY_INLINE VShort add_words(VShort w, VShort step, const WordRange<std::int16_t>& range) {
  const bool wraps =
      kRange == Range::wrap || kRange == Range::wrap_16 || (kRange == Range::any && range.wraps);
  return into_range<kRange>(wraps ? hn::Add(w, step) : hn::SaturatedAdd(w, step), range);
}

/// 1 or -1 by the sign of each word.
HWY_INLINE VShort signs(VShort v) { return hn::Or(hn::BroadcastSignBit(v), hn::Set(Short(), 1)); }

/// R of 1 to 15 bits from the highest bits of random words.
HWY_INLINE VShort random_short(const std::uint16_t* words, std::uint16_t bits, int shift) {
  const hn::RebindToUnsigned<Short> du;
  const auto word = hn::And(hn::LoadU(du, words), hn::Set(du, bits));
  return hn::BitCast(Short(), hn::ShiftRightSame(word, 16 - shift));
}

/// Updates the units from j on that a vector holds, in every row. `errors` are their d.
template <int kRound, Range kRange>
HWY_INLINE void update_units(const Update& update, std::size_t j, VShort errors,
                             VMiddle& sum_update, VMiddle& sum_dropped) {
  constexpr bool any = kRound == any_round;
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  const Short d;
  const Middle dm;
  const VShort one = hn::Set(d, 1);
  const VShort lower_errors = hn::InterleaveLower(d, errors, one);
  const VShort upper_errors = hn::InterleaveUpper(d, errors, one);
  std::int16_t* const weights = update.weights + j;
  for (std::size_t i = 0; i < update.rows; ++i) {
    VShort lower_inputs = set_pairs(update.pairs[i]), upper_inputs = lower_inputs;
    VShort random = hn::Zero(d);
    if (stochastic || (any && update.gradient_round == Round::stochastic))
      random =
          random_short(update.for_gradient.row(i) + j, update.gradient_bits, update.gradient.shift);
    if (stochastic) {
      lower_inputs = hn::InterleaveLower(d, lower_inputs, random);
      upper_inputs = hn::InterleaveUpper(d, upper_inputs, random);
    }
    const VMiddle lower = multiply_pairs(lower_errors, lower_inputs);
    const VMiddle upper = multiply_pairs(upper_errors, upper_inputs);
    VShort u;
    if constexpr (any) {
      const auto rest = [&](VShort r) { return hn::BitCast(dm, r); };
      u = into_words<kRange>(
          round_lanes<any_round>(dm, lower, update.gradient,
                                 rest(hn::InterleaveLower(d, random, hn::Zero(d)))),
          round_lanes<any_round>(dm, upper, update.gradient,
                                 rest(hn::InterleaveUpper(d, random, hn::Zero(d)))),
          update.gradient_range);
    } else {
      u = into_words<kRange>(round_products<kRound>(lower, update.gradient),
                             round_products<kRound>(upper, update.gradient), update.gradient_range);
    }
    sum_update = hn::Add(sum_update, multiply_pairs(u, signs(u)));
    sum_dropped =
        hn::Add(sum_dropped, multiply_pairs(hn::And(u, hn::Set(d, update.step.mask)), one));
    const bool draws = stochastic || (any && update.master_round == Round::stochastic);
    random = draws
                 ? random_short(update.for_master.row(i) + j, update.master_bits, update.step.shift)
                 : hn::Zero(d);
    const VShort step = round_lanes<kRound>(d, u, update.step, random);
    std::int16_t* const w = weights + update.offsets[i];
    hn::Store(add_words<kRange>(hn::Load(d, w), step, update.master_range), d, w);
  }
}

/// Sums of 32-bit lanes, each at least 0.
std::uint64_t sum_of_lanes(VMiddle sums) {
  const Middle d;
  HWY_ALIGN std::uint32_t lanes[hn::MaxLanes(d)];
  hn::Store(hn::BitCast(hn::RebindToUnsigned<Middle>(), sums), hn::RebindToUnsigned<Middle>(),
            lanes);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) sum += lanes[i];
  return sum;
}

/// Updates all units that have an error.
template <int kRound, Range kRange>
HWY_NOINLINE void update_layer(const Update& all, const std::int16_t* errors, std::size_t stride,
                               LayerSums& sums) {
  const Short d;
  // A lane's share of a row is at most 2^16 of |u|, and less of what is dropped.
  constexpr std::size_t most_rows = 32768;
  for (std::size_t first = 0; first < all.rows; first += most_rows) {
    Update update = all;
    update.offsets += first;
    update.pairs += first;
    update.for_gradient.place += first;
    update.for_master.place += first;
    update.rows = std::min(most_rows, all.rows - first);
    for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
      const VShort d_of_units = hn::LoadU(d, errors + j);
      if (hn::AllTrue(d, hn::Eq(d_of_units, hn::Zero(d)))) continue;
      VMiddle sum_update = hn::Zero(Middle()), sum_dropped = hn::Zero(Middle());
      update_units<kRound, kRange>(update, j, d_of_units, sum_update, sum_dropped);
      sums.abs_update += sum_of_lanes(sum_update);
      sums.dropped += sum_of_lanes(sum_dropped);
    }
  }
}

using UpdateLayer = void (*)(const Update&, const std::int16_t*, std::size_t, LayerSums&);

template <int kRound>
UpdateLayer update_for(Range range) {
  switch (range) {
    case Range::wrap_16:
      return update_layer<kRound, Range::wrap_16>;
    case Range::wrap:
      return update_layer<kRound, Range::wrap>;
    case Range::saturate_16:
      return update_layer<kRound, Range::saturate_16>;
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

class ShortKernels {
 public:
  explicit ShortKernels(const NetworkSpec& spec)
      : gradient_(spec.formats.gradient),
        master_(spec.formats.master),
        update_(update_for(gradient_, master_)),
        update_round_(gradient_.round == master_.round && range_of(gradient_) == range_of(master_)
                          ? static_cast<int>(gradient_.round)
                          : any_round),
        most_inputs_((std::uint64_t{1} << (32 - spec.formats.weight.bits)) - 1) {}

  /// z = the sums of v x. Pairs of inputs are summed up in pieces whose |v x| surely fit 31 bits.
  void products(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list) {
    const std::size_t pairs = (list.count + 1) / 2;
    if (list.sum <= most_inputs_) {
      all_products<4, false>(layer, list, pairs);
      return;
    }
    const std::size_t piece = most_inputs_ / (2 * list.largest);
    constexpr std::size_t most_pieces = 32767;  // that SplitSums can hold
    if (piece == 0 || pairs / piece >= most_pieces)
      wide_products(layer, list);
    else
      all_products<2, true>(layer, list, piece);
  }

  /// e of the layer below, for its units `rows`.
  void row_errors(const Layer<std::int16_t>& layer, const std::uint32_t* rows, std::size_t count,
                  std::int64_t* e) {
    std::uint64_t sum = 0;
    for (std::size_t j = 0; j < layer.units; ++j) sum += magnitude(layer.d[j]);
    if (sum > most_inputs_) {
      for (std::size_t i = 0; i < count; ++i) e[rows[i]] = wide_row_error(layer, rows[i]);
      return;
    }
    shorten_errors(layer);
    const Short d;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int16_t* row = layer.product_row(rows[i]);
      VMiddle error = hn::Zero(Middle());
      for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d))
        error = hn::Add(error, multiply_pairs(hn::Load(d, row + j), hn::LoadU(d, &errors_[j])));
      e[rows[i]] = hn::GetLane(hn::SumOfLanes(Middle(), error));
    }
  }

  void update(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list,
              RowNoise<std::uint16_t> for_gradient, RowNoise<std::uint16_t> for_master,
              LayerSums& sums) {
    const int shift = layer.to_gradient.shift();
    const std::int16_t constant = rounding_constant(update_round_, shift);
    const bool stochastic = update_round_ == static_cast<int>(Round::stochastic);
    offsets_.resize(list.count);
    pairs_.resize(list.count);
    for (std::size_t i = 0; i < list.count; ++i) {
      offsets_[i] = list.index[i] * layer.stride;
      pairs_[i] = pair_of(list.x[i], stochastic ? list.x[i] : constant);
    }
    shorten_errors(layer);
    const Update update{offsets_.data(),
                        pairs_.data(),
                        list.count,
                        layer.master.get(),
                        for_gradient,
                        for_master,
                        {shift, gradient_.round},
                        {layer.to_step.shift(), master_.round},
                        WordRange<std::int16_t>(gradient_),
                        WordRange<std::int16_t>(master_),
                        gradient_.round,
                        master_.round,
                        highest_bits(gradient_.random_bits),
                        highest_bits(master_.random_bits)};
    update_(update, errors_.data(), layer.stride, sums);
  }

 private:
  static std::uint16_t highest_bits(int bits) {
    return static_cast<std::uint16_t>(0xffff0000U >> std::min(bits, 16));
  }

  template <std::size_t kVectors, bool kSplit>
  HWY_NOINLINE void all_products(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list,
                                 std::size_t piece) {
    const std::size_t lanes = hn::Lanes(Short());
    std::size_t j = 0;
    for (; j + kVectors * lanes <= layer.stride; j += kVectors * lanes)
      products_of<kVectors, kSplit>(layer, list, piece, j);
    for (; j < layer.stride; j += lanes) products_of<1, kSplit>(layer, list, piece, j);
  }

  template <std::size_t kVectors, bool kSplit>
  HWY_INLINE void products_of(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list,
                              std::size_t piece, std::size_t j) {
    const Short d;
    const std::int16_t* const weights = layer.product_row(0) + j;
    const std::size_t stride = layer.stride, count = list.count;
    MiddlePair low[kVectors], high[kVectors];
    for (std::size_t i = 0; i < count;) {
      const std::size_t end = std::min(count, i + 2 * piece);
      MiddlePair sums[kVectors];
      for (; i < end; i += 2) {
        std::int32_t pair;
        std::memcpy(&pair, list.x + i, sizeof pair);
        const VShort x = set_pairs(pair);
        const std::int16_t* first = weights + list.index[i] * stride;
        const std::int16_t* second = weights + list.index[i + 1] * stride;
        for (std::size_t v = 0; v < kVectors; ++v) {
          const VShort a = hn::Load(d, first + v * hn::Lanes(d));
          const VShort b = hn::Load(d, second + v * hn::Lanes(d));
          sums[v].lower = hn::Add(sums[v].lower, multiply_pairs(hn::InterleaveLower(d, a, b), x));
          sums[v].upper = hn::Add(sums[v].upper, multiply_pairs(hn::InterleaveUpper(d, a, b), x));
        }
      }
      if constexpr (!kSplit) {
        for (std::size_t v = 0; v < kVectors; ++v)
          sums[v].store(layer.z.get() + j + v * hn::Lanes(d));
        return;
      }
      for (std::size_t v = 0; v < kVectors; ++v) {
        low[v].add(sums[v].low_half());
        high[v].add(sums[v].high_half());
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v)
      store_halves(low[v], high[v], layer.z.get() + j + v * hn::Lanes(d));
  }

  void shorten_errors(const Layer<std::int16_t>& layer) {
    errors_.resize(layer.stride);
    for (std::size_t j = 0; j < layer.stride; ++j)
      errors_[j] = static_cast<std::int16_t>(layer.d[j]);
  }

  const Format gradient_, master_;
  const UpdateLayer update_;
  const int update_round_;           // what update_ was compiled for
  const std::uint64_t most_inputs_;  // a sum of |x| or |d| so large times any |v| fits 31 bits
  std::vector<std::size_t> offsets_;
  std::vector<std::int32_t> pairs_;
  std::vector<std::int16_t> errors_;  // d [unit]
};

/// Owned by the caller.
GeneralNetwork<std::int16_t>* new_network_16(const NetworkSpec& spec, const Weights& weights) {
  return new Network<std::int16_t, ShortKernels>(spec, weights);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(new_network_16);
}  // namespace

std::unique_ptr<GeneralNetwork<std::int16_t>> make_network_16(const NetworkSpec& spec,
                                                              const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int16_t>>(
      HWY_DYNAMIC_DISPATCH(new_network_16)(spec, weights));
}

}  // namespace gridrun
#endif
