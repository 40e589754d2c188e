#include "staging/baseline.hpp"

#include "staging/identity.hpp"

namespace gridrun {

bool is_precision_axis(const std::string& name) {
  return name == "fraction" || name == "bits" || name.starts_with("precision.") ||
         name == "train.rounding_seed";
}

NetworkSpec baseline_of(const NetworkSpec& network, int fraction) {
  NetworkSpec baseline = network;
  baseline.arithmetic = Arithmetic::binary64;
  baseline.formats = {};
  if (uses_fraction(network.init)) baseline.formats.master.fraction = fraction;
  baseline.rounding_seed = 0;
  return baseline;
}

}  // namespace gridrun
