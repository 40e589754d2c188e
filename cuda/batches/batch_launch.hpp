// Host: launches of the kernels that train in batches of samples.
#pragma once

#include "batches/batch_types.hpp"

namespace gridrun::cuda {

void launch_batch(const BatchLaunch& launch, const BatchArguments& arguments);

}  // namespace gridrun::cuda
