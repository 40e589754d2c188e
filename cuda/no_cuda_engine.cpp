#include <fmt/format.h>

#include "cuda_engine.hpp"
#include "gridrun/error.hpp"

namespace gridrun {

std::vector<GpuDescription> list_gpus() { return {}; }

std::unique_ptr<Engine> make_cuda_engine(int device) {
  throw RequestError(fmt::format(
      "--device {}: this build has no GPU engine; expected auto, cpu or reference", device));
}

}  // namespace gridrun
