// A layer of a network in training.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_LAYER_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_LAYER_INL_HPP
#undef GRIDRUN_HOST_LAYER_INL_HPP
#else
#define GRIDRUN_HOST_LAYER_INL_HPP
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <algorithm>
#include <new>
#include <vector>

#include "engines/cpu/general/copy_lanes-inl.hpp"
#include "engines/cpu/general/fit_lanes-inl.hpp"
#include "engines/cpu/general/general_network.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
hwy::AlignedFreeUniquePtr<T[]> aligned_zeros(std::size_t count) {
  auto values = hwy::AllocateAligned<T>(count);
  if (!values) throw std::bad_alloc();
  std::fill_n(values.get(), count, T{0});
  return values;
}

/// A layer's weights, what its units hold of one sample, and the constants of its arithmetic.
/// Arrays over units have `stride` places; those past the units are 0.
template <class Word>
struct Layer {
  Layer(const NetworkSpec& spec, std::size_t layer)
      : inputs(spec.inputs_of(layer)),
        rows(inputs + spec.bias),
        units(spec.units_of(layer)),
        stride(padded(units)),
        activation(spec.activation_of(layer)),
        has_copies(spec.formats.has_copies()),
        is_last(layer + 1 == spec.layers()),
        sum_scale(spec.formats.weight.fraction + spec.input_format(layer).fraction),
        error_scale(is_last ? spec.formats.activation.fraction
                            : spec.formats.weight.fraction + spec.formats.error.fraction),
        leak(activation == Activation::leaky_relu ? spec.leak : 0),
        accumulator(spec.formats.accumulator),
        to_activation(sum_scale, spec.formats.activation),
        to_activation_leaking(sum_scale + leak, spec.formats.activation),
        to_error(error_scale, spec.formats.error),
        to_error_leaking(error_scale + leak, spec.formats.error),
        to_gradient(spec.formats.error.fraction + spec.input_format(layer).fraction,
                    spec.formats.gradient),
        to_step(spec.formats.gradient.fraction + spec.lr, spec.formats.master),
        to_copy(spec.formats.master.fraction, spec.formats.weight),
        copy_lanes(spec.formats.master, spec.formats.weight),
        master_range(spec.formats.master),
        one(one_of(spec.formats.activation)),
        master(aligned_zeros<Word>(rows * stride)),
        copies(aligned_zeros<Word>(has_copies ? rows * stride : 1)),
        z(aligned_zeros<std::int64_t>(stride)),
        a(aligned_zeros<std::int64_t>(stride)),
        e(aligned_zeros<std::int64_t>(stride)),
        d(aligned_zeros<std::int64_t>(stride)),
        index(units + 1 + 1),
        x(units + 1 + 1) {}

  static std::size_t padded(std::size_t units) {
    const std::size_t lanes = hn::Lanes(hn::ScalableTag<Word>());
    return (units + lanes - 1) / lanes * lanes;
  }

  /// The weights that products use.
  const Word* product_row(std::size_t k) const {
    return (has_copies ? copies : master).get() + k * stride;
  }
  Word* master_row(std::size_t k) { return master.get() + k * stride; }

  const std::size_t inputs, rows, units, stride;  // rows: the inputs and the bias
  const Activation activation;
  const bool has_copies, is_last;
  const int sum_scale, error_scale, leak;
  const WordRange<std::int64_t> accumulator;
  const WideFit to_activation, to_activation_leaking, to_error, to_error_leaking;
  const WideFit to_gradient, to_step, to_copy;
  const CopyLanes<Word> copy_lanes;  // does what to_copy does, where it can
  const WordRange<std::int64_t> master_range;
  const std::int64_t one;                                // the target of the label's unit
  hwy::AlignedFreeUniquePtr<Word[]> master, copies;      // w and v [row][unit]
  hwy::AlignedFreeUniquePtr<std::int64_t[]> z, a, e, d;  // [unit]
  // The inputs of the layer above: activations that are not zero, and the bias.
  std::vector<std::uint32_t> index;
  std::vector<Word> x;
  InputList<Word> outputs{};
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
