// How large the inputs of a data set are.
#pragma once

#include "gridrun/dataset.hpp"

namespace gridrun {

/// The largest |input| of all samples, a real.
double largest_input(const Dataset& dataset);

}  // namespace gridrun
