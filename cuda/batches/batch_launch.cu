#include "batches/batch_launch.hpp"

#include "batches/batch_shapes.cuh"
#include "check.cuh"

namespace gridrun::cuda {

void launch_batch(const BatchLaunch& launch, const BatchArguments& arguments) {
  static_assert(tile_lanes == part_lanes);
  visit_batch_kernel(launch, [&](void (*kernel)(BatchArguments), std::size_t shared_bytes) {
    kernel<<<launch.blocks, part_lanes, shared_bytes>>>(arguments);
    GRIDRUN_CUDA_CHECK(cudaGetLastError());
  });
}

}  // namespace gridrun::cuda
