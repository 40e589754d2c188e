#include "cuda_engine.hpp"

#include <cuda_runtime.h>

#include "batched_engine.hpp"
#include "check.cuh"
#include "cuda_device.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

constexpr int least_major = 7;  // the oldest compute capability that is compiled for
constexpr int least_minor = 5;

bool is_usable(int major, int minor) {
  return major > least_major || (major == least_major && minor >= least_minor);
}

/// The number of GPUs; none without a driver, and then `why`.
int count_gpus(std::string& why) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  static_cast<void>(cudaGetLastError());  // it is handled
  int driver = 0;
  static_cast<void>(cudaDriverGetVersion(&driver));
  if (driver == 0)
    why = "there is no NVIDIA driver";
  else if (status == cudaErrorInsufficientDriver)
    why = "the NVIDIA driver is too old for this build";
  else if (status == cudaErrorNoDevice || status == cudaSuccess)
    why = "there is no NVIDIA GPU";
  else
    why = std::string("the NVIDIA driver fails: ") + cudaGetErrorString(status);
  return 0;
}

}  // namespace

std::vector<GpuDescription> list_gpus() {
  std::string why;
  std::vector<GpuDescription> gpus;
  const int count = count_gpus(why);
  for (int device = 0; device < count; ++device) {
    cudaDeviceProp properties{};
    GRIDRUN_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
    gpus.push_back({properties.name, properties.totalGlobalMem, properties.major, properties.minor,
                    is_usable(properties.major, properties.minor)});
  }
  return gpus;
}

std::unique_ptr<Engine> make_cuda_engine(int device) {
  const std::string request = "--device " + std::to_string(device) + ": ";
  std::string why;
  const int count = count_gpus(why);
  if (count == 0) throw RequestError(request + why + "; expected auto, cpu or reference");
  if (device < 0 || device >= count)
    throw RequestError(request + "there is no such GPU; expected " +
                       (count == 1 ? "0" : "0 to " + std::to_string(count - 1)) +
                       ", auto, cpu or reference");
  const GpuDescription gpu = list_gpus()[static_cast<std::size_t>(device)];
  if (!gpu.usable)
    throw RequestError(request + gpu.name + " has compute capability " + std::to_string(gpu.major) +
                       "." + std::to_string(gpu.minor) + "; expected " +
                       std::to_string(least_major) + "." + std::to_string(least_minor) +
                       " or later");
  return std::make_unique<cuda::BatchedEngine>(cuda::make_cuda_device(device));
}

}  // namespace gridrun
