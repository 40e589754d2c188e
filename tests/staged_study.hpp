// A sweep of the study's arithmetic as an engine takes it.
#pragma once

#include <algorithm>
#include <cmath>

#include "gridrun/staged_sweep.hpp"
#include "gridrun/study_sweep.hpp"

namespace gridrun {

/// The general networks that a study is. Weights beyond 2^53 are rounded to what binary64 holds.
inline StagedSweep staged_study(const StudySweep& study) {
  const double largest = std::nextafter(0x1p63, 0.0);
  StagedSweep staged;
  staged.dataset = study.dataset;
  staged.order = study.order;
  for (const std::int64_t weight : study.weights)
    staged.normals.push_back(std::min(static_cast<double>(weight), largest));
  staged.iterations = study.iterations;
  staged.keep_weights = study.keep_weights;
  staged.diagnose = study.diagnose;
  NetworkSpec spec;
  spec.units = {static_cast<std::uint32_t>(study.inputs),
                static_cast<std::uint32_t>(study.outputs)};
  spec.activation = spec.output_activation = study.activation;
  spec.init.std = 1.0;
  spec.iterations = study.iterations;
  for (const StudyNetwork& network : study.networks) {
    Format format;
    format.fraction = network.fraction;
    Format input = format;
    input.round = Round::nearest_even;
    spec.formats = {input, format, format, Format{}, format, format, format};
    spec.lr = network.lr;
    staged.networks.push_back(spec);
  }
  return staged;
}

}  // namespace gridrun
