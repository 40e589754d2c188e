#include "gridrun/study_sweep.hpp"

#include <algorithm>

#include "gridrun/sweep.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {

bool has_study_arithmetic(const NetworkSpec& spec) {
  Format format;  // of the study: 64 bits, wrap, floor
  format.fraction = spec.formats.activation.fraction;
  Format input = format;
  input.round = Round::nearest_even;
  const TensorFormats formats{input,  format, format, spec.formats.accumulator,
                              format, format, format};
  const Format& accumulator = spec.formats.accumulator;
  return spec.arithmetic == Arithmetic::fixed_point && spec.layers() == 1 && !spec.bias &&
         spec.batch == 1 && spec.output_activation != Activation::leaky_relu &&
         spec.init.unit == WeightUnit::lsb && spec.lr >= 0 && spec.lr <= max_lr &&
         format.fraction >= 0 && format.fraction <= max_fraction && spec.formats == formats &&
         accumulator.bits == 64 && accumulator.overflow == Overflow::wrap;
}

std::optional<StudySweep> study_of(const StagedSweep& sweep) {
  const NetworkSpec& first = sweep.networks.front();
  const auto is_alike = [&](const NetworkSpec& spec) {
    return has_study_arithmetic(spec) && spec.init == first.init &&
           spec.output_activation == first.output_activation;
  };
  if (!std::all_of(sweep.networks.begin(), sweep.networks.end(), is_alike)) return {};
  StudySweep study;
  study.dataset = sweep.dataset;
  study.order = sweep.order;
  if (!sweep.normals.empty()) study.weights = std::move(initial_weights(sweep, first).front());
  for (const NetworkSpec& spec : sweep.networks)
    study.networks.push_back({spec.lr, spec.formats.activation.fraction});
  study.inputs = sweep.inputs();
  study.outputs = sweep.outputs();
  study.iterations = sweep.iterations;
  study.activation = first.output_activation;
  study.keep_weights = sweep.keep_weights || !sweep.held_out.empty();
  study.diagnose = sweep.diagnose;
  return study;
}

}  // namespace gridrun
