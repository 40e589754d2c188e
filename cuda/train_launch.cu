#include "train_launch.hpp"

#include <algorithm>

#include "check.cuh"
#include "digest_kernel.cuh"
#include "gridrun/error.hpp"
#include "settle_kernel.cuh"
#include "train_shapes.cuh"

namespace gridrun::cuda {
namespace {

constexpr std::uint32_t most_blocks_y = 65'535;

template <typename Word>
void train(const TrainLaunch& launch, const TrainArguments<Word>& arguments) {
  if (launch.blocks == 0 || launch.block_lanes == 0 || launch.block_lanes % warp_lanes != 0 ||
      launch.block_lanes > max_block_warps * warp_lanes)
    throw RunError("training: a launch of " + std::to_string(launch.blocks) + " blocks of " +
                   std::to_string(launch.block_lanes) + " lanes");
  visit_training(launch, typename CompiledTrainings<Word>::List{}, [&](auto training) {
    const auto kernel = train_kernel<decltype(training)>;
    GRIDRUN_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(launch.shared_bytes)));
    kernel<<<launch.blocks, launch.block_lanes, launch.shared_bytes>>>(arguments);
    GRIDRUN_CUDA_CHECK(cudaGetLastError());
  });
}

template <typename Word>
void settle(const SettleArguments<Word>& arguments) {
  const dim3 grid((arguments.steps + settle_block_lanes - 1) / settle_block_lanes,
                  std::min(arguments.networks, most_blocks_y));
  settle_kernel<Word><<<grid, settle_block_lanes>>>(arguments);
  GRIDRUN_CUDA_CHECK(cudaGetLastError());
}

template <typename Word>
void digest(const DigestArguments<Word>& arguments) {
  digest_kernel<Word><<<arguments.bundles, digest_block_lanes>>>(arguments);
  GRIDRUN_CUDA_CHECK(cudaGetLastError());
}

}  // namespace

void launch_train(const TrainLaunch& launch, const TrainArguments<std::int32_t>& arguments) {
  train(launch, arguments);
}
void launch_train(const TrainLaunch& launch, const TrainArguments<std::int64_t>& arguments) {
  train(launch, arguments);
}
void launch_settle(const SettleArguments<std::int32_t>& arguments) { settle(arguments); }
void launch_settle(const SettleArguments<std::int64_t>& arguments) { settle(arguments); }
void launch_digest(const DigestArguments<std::int32_t>& arguments) { digest(arguments); }
void launch_digest(const DigestArguments<std::int64_t>& arguments) { digest(arguments); }

}  // namespace gridrun::cuda
