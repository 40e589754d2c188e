#include "cuda_test_device.hpp"
#include "emulated_device.hpp"

namespace gridrun::cuda {

std::unique_ptr<Device> make_test_device(std::uint64_t seed, std::string&) {
  return make_emulated_device(seed);
}

bool test_device_is_slow() {
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  return false;
#endif
}

}  // namespace gridrun::cuda
