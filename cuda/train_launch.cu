#include "train_launch.hpp"

#include <algorithm>

#include "check.cuh"
#include "digest_kernel.cuh"
#include "gridrun/error.hpp"
#include "inactive_kernel.cuh"
#include "settle_kernel.cuh"
#include "train_shapes.cuh"

namespace gridrun::cuda {
namespace {

constexpr std::uint32_t most_blocks_y = 65'535;

template <typename Word>
void train(const TrainLaunch& launch, const TrainArguments<Word>& arguments) {
  if (launch.blocks == 0 || launch.block_lanes == 0 || launch.block_lanes % warp_lanes != 0 ||
      launch.block_lanes >
          static_cast<unsigned>(most_block_warps(sizeof(Word), launch.shape, launch.diagnose) *
                                warp_lanes))
    throw RunError("training: a launch of " + std::to_string(launch.blocks) + " blocks of " +
                   std::to_string(launch.block_lanes) + " lanes");
  visit_training(launch, CompiledTrainings<Word>{}, [&](auto training) {
    const auto kernel = train_kernel<decltype(training)>;
    GRIDRUN_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(launch.shared_bytes)));
    kernel<<<launch.blocks, launch.block_lanes, launch.shared_bytes>>>(arguments);
    GRIDRUN_CUDA_CHECK(cudaGetLastError());
  });
}

template <typename Word>
dim3 settle_grid(const SettleArguments<Word>& arguments) {
  return {(arguments.steps + settle_block_lanes - 1) / settle_block_lanes,
          std::min(arguments.networks, most_blocks_y)};
}

template <typename Word>
void settle(const SettleArguments<Word>& arguments) {
  settle_kernel<Word><<<settle_grid(arguments), settle_block_lanes>>>(arguments);
  GRIDRUN_CUDA_CHECK(cudaGetLastError());
}

template <typename Word>
void count_inactive(const SettleArguments<Word>& settled, NetworkCounts* counts) {
  inactive_kernel<Word><<<settle_grid(settled), settle_block_lanes>>>(settled, counts);
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
void launch_inactive(const SettleArguments<std::int32_t>& settled, NetworkCounts* counts) {
  count_inactive(settled, counts);
}
void launch_inactive(const SettleArguments<std::int64_t>& settled, NetworkCounts* counts) {
  count_inactive(settled, counts);
}
void launch_digest(const DigestArguments<std::int32_t>& arguments) { digest(arguments); }
void launch_digest(const DigestArguments<std::int64_t>& arguments) { digest(arguments); }

}  // namespace gridrun::cuda
