#include "general/network_launch.hpp"

#include "check.cuh"
#include "general/initial_weights_kernel.cuh"
#include "general/list_inputs_kernel.cuh"
#include "general/network_shapes.cuh"
#include "general/network_totals_kernel.cuh"

namespace gridrun::cuda {

void launch_list_inputs(const ListArguments& arguments) {
  const auto kernel =
      arguments.bytes != nullptr ? list_inputs_kernel<std::uint8_t> : list_inputs_kernel<double>;
  kernel<<<list_blocks(arguments.samples), list_block_lanes>>>(arguments);
  GRIDRUN_CUDA_CHECK(cudaGetLastError());
}

void launch_initial_weights(const NetworkLaunch& launch, const NetworkArguments& arguments) {
  visit_word(launch.word, [&](auto word) {
    initial_weights_kernel<decltype(word)>
        <<<launch.networks * initial_blocks, initial_block_lanes>>>(arguments);
    GRIDRUN_CUDA_CHECK(cudaGetLastError());
  });
}

void launch_train(const NetworkLaunch& launch, const NetworkArguments& arguments) {
  visit_training(launch, CompiledNetworkTrainings{}, [&](auto training) {
    const auto kernel = network_kernel<decltype(training)>;
    GRIDRUN_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(launch.shared_bytes)));
    kernel<<<launch.networks, launch.lanes, launch.shared_bytes>>>(arguments);
    GRIDRUN_CUDA_CHECK(cudaGetLastError());
  });
}

void launch_total(const NetworkLaunch& launch, const NetworkArguments& arguments) {
  visit_word(launch.word, [&](auto word) {
    network_totals_kernel<decltype(word)><<<launch.networks, total_block_lanes>>>(arguments);
    GRIDRUN_CUDA_CHECK(cudaGetLastError());
  });
}

}  // namespace gridrun::cuda
