// Device: the update of the weights of a tile, inputs by units. Paragraph 5.6 of
// docs/arithmetic.md.
#pragma once

#include "batches/batch_network.cuh"
#include "batches/batch_totals.cuh"
#include "batches/product_tile.cuh"
#include "general/four_rests.cuh"
#include "general/narrow_update.cuh"
#include "general/neighbours.cuh"
#include "general/unit_arithmetic.cuh"

namespace gridrun::cuda {

/// Whether an update by P is one that takes 32 bits where a layer's arithmetic does.
__device__ __forceinline__ bool is_narrow(std::int64_t p) {
  return p >= -narrow_most && p <= narrow_most;
}

/// The nearest to P that is narrow: of the nearest of 32 bits, by whose sign the upper half is.
__device__ __forceinline__ std::int32_t nearest_narrow(std::int64_t p) {
  const auto low = static_cast<std::int32_t>(p), high = static_cast<std::int32_t>(p >> 32);
  const std::int32_t nearest = high == low >> 31 ? low : high >> 31 ^ 0x7fffffff;
  return max(min(nearest, narrow_most), -narrow_most);
}

/// Four weights on their way, and what they are updated by: 0 where P is left to take_all().
template <typename Word>
struct NarrowFour {
  Neighbours<Word, 4> w{};
  std::int32_t p[4] = {};

  __device__ __forceinline__ bool is_empty() const { return (p[0] | p[1] | p[2] | p[3]) == 0; }
};

/// The update of a tile's weights.
template <class T>
class TileUpdate {
 public:
  using Word = typename T::Word;
  using Products = TileSums<typename T::Products, Neighbouring::columns>;

  __device__ __forceinline__ TileUpdate(const BatchArguments& arguments, const BatchNetwork<T>& own)
      : arguments_(arguments),
        own_(own),
        layer_(arguments.layer),
        units_(arguments.all.places[layer_].units),
        stride_(arguments.all.places[layer_].stride),
        inputs_(own.inputs_and_bias(layer_)),
        weights_(own.weights(layer_)),
        copies_(own.copies(layer_)) {}

  /// By all P of the tile.
  __device__ __forceinline__ void take(const Products& products) {
    bool any_left = true, is_narrow_network = false;
    if constexpr (has_narrow) {
      const AtRandom at_random = own_.network().rounds_at_random;
      // Four neighbours then have the words of one draw, or none of them is drawn for.
      is_narrow_network = own_.arithmetic(layer_).updates_in_32_bits &&
                          (at_random == AtRandom::none || units_ % 4 == 0);
      if (is_narrow_network)
        any_left = at_random == AtRandom::none ? take_narrow<false>(products)
                                               : take_narrow<true>(products);
    }
    if (any_left) take_all(products, is_narrow_network);
    add_to_network(own_.sums(layer_), sums_);
    if constexpr (T::counts) add_to_network(own_.counts(layer_), counts_);
  }

 private:
  /// Whether any layers' updates are in 32 bits.
  static constexpr bool has_narrow = !T::counts && sizeof(typename T::Value) == 4;

  /// By what is narrow. Returns whether this lane left any. `kRandom`: gradient or master is
  /// rounded at random. Code for both alone would spill registers.
  template <bool kRandom>
  __device__ __forceinline__ bool take_narrow(const Products& products) {
    const NarrowUpdate<Word> update{own_.arithmetic(layer_).narrow, weights_};
    const FourUpdateDraw<false> draw(own_.network(), own_.arithmetic(layer_), layer_,
                                     arguments_.batch);
    const bool saturates_beyond = own_.arithmetic(layer_).narrow.gradient.saturates_beyond();
    bool any_left = false;
    std::uint64_t abs_update = 0, dropped = 0;
    products.template for_each_four<NarrowFour<Word>>(
        [&](std::uint32_t k, std::uint32_t j, const Neighbours<std::int64_t, 4>& p) {
          NarrowFour<Word> four;
          if (k >= inputs_) return four;
#pragma unroll
          for (std::uint32_t t = 0; t < 4; ++t)
            if (saturates_beyond || is_narrow(p.of[t]))
              four.p[t] = nearest_narrow(p.of[t]);
            else
              any_left = true;
          if (!four.is_empty()) four.w = *four_at(k, j);
          return four;
        },
        [&](std::uint32_t k, std::uint32_t j, NarrowFour<Word>& four) {
          if (four.is_empty()) return;
          FourRests gradient, master;
          if constexpr (kRandom) {
            const auto of_tensor = static_cast<std::uint32_t>((std::uint64_t{k} * units_ + j) / 4);
            gradient = draw.gradient(of_tensor);
            master = draw.master(of_tensor);
          }
          std::uint32_t of_abs = 0, of_dropped = 0;
#pragma unroll
          for (std::uint32_t t = 0; t < 4; ++t)
            four.w.of[t] =
                update(four.w.of[t], four.p[t], of_abs, of_dropped, gradient.of[t], master.of[t]);
          *four_at(k, j) = four.w;
          abs_update += of_abs;
          dropped += of_dropped;
          if constexpr (sizeof(Word) > 2)  // shorter words have none
            if (copies_ != nullptr) copy_four(at(k, j));
        });
    sums_.abs_update = abs_update;
    sums_.dropped = dropped;
    return any_left;
  }

  /// By all, or by what take_narrow() left, whose lanes then take the same weights.
  __device__ __forceinline__ void take_all(const Products& products, bool is_narrow_network) {
    const WeightUpdate<Word> update(own_.network(), own_.arithmetic(layer_), layer_,
                                    arguments_.batch, weights_, T::counts ? &counts_ : nullptr);
    const bool in_32_bits = has_narrow && own_.arithmetic(layer_).updates_in_32_bits;
    StepSums<std::int32_t> narrow_sums;
    LastUpdateDrawn last;
    const bool in_fours = is_narrow_network || own_.network().rounds_at_random != AtRandom::none;
    products.for_each(in_fours, [&](std::uint32_t k, std::uint32_t j, std::int64_t p) {
      if (k >= inputs_ || p == 0 || (is_narrow_network && is_narrow(p))) return;
      const std::uint64_t element = std::uint64_t{k} * units_ + j, place = at(k, j);
      Word w = weights_[place];
      if (in_32_bits && is_narrow(p))
        w = updated_weight<false>(update, w, element, static_cast<std::int32_t>(p), narrow_sums,
                                  &last);
      else
        w = updated_weight<T::counts>(update, w, element, p, sums_, &last);
      weights_[place] = w;
      if (copies_ != nullptr) copies_[place] = product_weight<true, Word>(*update.copy, w);
    });
    sums_.abs_update += narrow_sums.abs_update;
    sums_.dropped += narrow_sums.dropped;
  }

  __device__ __forceinline__ void copy_four(std::uint64_t first) const {
#pragma unroll 1
    for (std::uint64_t place = first; place < first + 4; ++place)
      copies_[place] = product_weight<true, Word>(own_.network().copy, weights_[place]);
  }

  __device__ __forceinline__ std::uint64_t at(std::uint32_t k, std::uint32_t j) const {
    return std::uint64_t{k} * stride_ + j;
  }
  __device__ __forceinline__ Neighbours<Word, 4>* four_at(std::uint32_t k, std::uint32_t j) const {
    return reinterpret_cast<Neighbours<Word, 4>*>(weights_ + at(k, j));
  }

  const BatchArguments& arguments_;
  const BatchNetwork<T>& own_;
  const std::uint32_t layer_, units_, stride_;
  const std::uint32_t inputs_;  // with the bias: a tile may have one more
  Word* const weights_;
  Word* const copies_;  // or null
  StepSums<std::int64_t> sums_;
  LayerDiagnostics counts_;
};

}  // namespace gridrun::cuda
