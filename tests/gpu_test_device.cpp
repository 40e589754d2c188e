#include "cuda_device.hpp"
#include "cuda_engine.hpp"
#include "cuda_test_device.hpp"

namespace gridrun::cuda {

std::unique_ptr<Device> make_test_device(std::uint64_t, std::string& why) {
  const auto gpus = list_gpus();
  if (gpus.empty()) why = "nvidia-smi and gridrun --list-devices show none";
  if (!gpus.empty() && !gpus.front().usable) why = gpus.front().name + " is too old";
  if (!why.empty()) return nullptr;
  return make_cuda_device(0);
}

bool test_device_is_slow() { return false; }

}  // namespace gridrun::cuda
