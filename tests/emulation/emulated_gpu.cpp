// Takes the place of cuda_engine.cu in a program whose only GPU is emulated.
#include "batched_engine.hpp"
#include "cuda_engine.hpp"
#include "emulated_device.hpp"

namespace gridrun {

std::vector<GpuDescription> list_gpus() {
  return {{"emulated GPU", std::size_t{4} << 30, 9, 0, true}};
}

std::unique_ptr<Engine> make_cuda_engine(int) {
  return std::make_unique<cuda::BatchedEngine>(cuda::make_emulated_device(1));
}

}  // namespace gridrun
