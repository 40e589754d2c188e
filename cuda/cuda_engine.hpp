// Host: the GPU engine, as the rest of the program sees it. Built with or without a CUDA compiler:
// without one, no_cuda_engine.cpp says that there is no such engine.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "gridrun/engine.hpp"

namespace gridrun {

struct GpuDescription {
  std::string name;
  std::size_t memory = 0;  // bytes
  int major = 0;           // compute capability
  int minor = 0;
  bool usable = false;  // not too old for this build
};

/// The GPUs of this machine, in the order of their numbers; none without a driver.
std::vector<GpuDescription> list_gpus();

/// The engine on GPU `device`, to be used by the calling thread. Throws RequestError, saying what
/// there is, when there is no driver, no such GPU, or it is too old.
std::unique_ptr<Engine> make_cuda_engine(int device);

}  // namespace gridrun
