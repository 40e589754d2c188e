// Host: every call of the CUDA runtime is checked.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>
#include <string>

#include "gridrun/error.hpp"

namespace gridrun::cuda {

inline std::string describe_failure(cudaError_t status, const char* call, const char* file,
                                    int line) {
  return std::string(call) + ": " + cudaGetErrorName(status) + ": " + cudaGetErrorString(status) +
         " (" + file + ":" + std::to_string(line) + ")";
}

}  // namespace gridrun::cuda

/// Throws RunError when `call` fails: the call, the error's name and text, file and line.
#define GRIDRUN_CUDA_CHECK(call)                                                       \
  do {                                                                                 \
    const cudaError_t gridrun_status = (call);                                         \
    if (gridrun_status != cudaSuccess)                                                 \
      throw gridrun::RunError(                                                         \
          gridrun::cuda::describe_failure(gridrun_status, #call, __FILE__, __LINE__)); \
  } while (false)

/// The same where nothing may be thrown: prints.
#define GRIDRUN_CUDA_CHECK_NOEXCEPT(call)                                                      \
  do {                                                                                         \
    const cudaError_t gridrun_status = (call);                                                 \
    if (gridrun_status != cudaSuccess)                                                         \
      std::fprintf(                                                                            \
          stderr, "gridrun: %s\n",                                                             \
          gridrun::cuda::describe_failure(gridrun_status, #call, __FILE__, __LINE__).c_str()); \
  } while (false)
