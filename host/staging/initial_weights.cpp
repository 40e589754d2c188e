#include "staging/initial_weights.hpp"

#include <cmath>

#include "gridrun/format.hpp"

namespace gridrun {

double initial_std(const NetworkSpec& spec, std::size_t layer) {
  const auto inputs = static_cast<double>(spec.inputs_of(layer));
  const auto units = static_cast<double>(spec.units_of(layer));
  switch (spec.init.spread) {
    case WeightSpread::he:
      return std::sqrt(2.0 / inputs);
    case WeightSpread::xavier:
      return std::sqrt(2.0 / (inputs + units));
    case WeightSpread::std:
      break;
  }
  return spec.init.std;
}

WeightDraw::WeightDraw(const NetworkSpec& spec, std::size_t layer)
    : mean(spec.init.mean),
      std(initial_std(spec, layer)),
      unit(spec.init.unit == WeightUnit::lsb ? 1.0
                                             : std::ldexp(1.0, spec.formats.master.fraction)) {}

std::int64_t WeightDraw::operator()(double normal) const {
  return static_cast<std::int64_t>(std::rint((mean + std * normal) * unit));
}

Weights initial_weights(const StagedSweep& sweep, const NetworkSpec& spec) {
  const Format& master = spec.formats.master;
  Weights weights(spec.layers());
  const double* normal = sweep.normals.data();
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const WeightDraw draw(spec, layer);
    weights[layer].resize(spec.units_of(layer) * spec.inputs_of(layer));
    for (std::int64_t& weight : weights[layer])
      weight = overflowed(draw(*normal++), master.bits, master.overflow);
  }
  return weights;
}

RealWeights initial_reals(const StagedSweep& sweep, const NetworkSpec& spec) {
  const double unit =
      spec.init.unit == WeightUnit::lsb ? std::ldexp(1.0, -spec.formats.master.fraction) : 1.0;
  RealWeights weights(spec.layers());
  const double* normal = sweep.normals.data();
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const double std = initial_std(spec, layer);
    weights[layer].resize(spec.units_of(layer) * spec.inputs_of(layer));
    for (double& weight : weights[layer])
      weight = (spec.init.mean + std * *normal++) * unit + 0.0;  // -0 becomes 0
  }
  return weights;
}

}  // namespace gridrun
