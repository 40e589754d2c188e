#include "cuda_engine.hpp"

#include <gtest/gtest.h>

#include <string>

#include "gridrun/error.hpp"

namespace gridrun {
namespace {

std::string refusal_of(int device) {
  try {
    make_cuda_engine(device);
  } catch (const RequestError& error) {
    return error.what();
  }
  return "";
}

TEST(CudaEngine, RefusesAGpuThatIsNotThere) {
  const auto count = static_cast<int>(list_gpus().size());
  const std::string refusal = refusal_of(count);
  EXPECT_EQ(refusal.find("--device " + std::to_string(count) + ": "), 0U) << refusal;
  EXPECT_NE(refusal.find("auto, cpu or reference"), std::string::npos) << refusal;
}

TEST(CudaEngine, NamesItsGpu) {
  const auto gpus = list_gpus();
  if (gpus.empty()) GTEST_SKIP() << "no CUDA device";
  if (!gpus.front().usable) {
    EXPECT_NE(refusal_of(0).find("compute capability"), std::string::npos);
    return;
  }
  const auto engine = make_cuda_engine(0);
  EXPECT_EQ(engine->name(), "cuda");
  EXPECT_EQ(engine->device(), gpus.front().name + " (GPU 0)");
}

}  // namespace
}  // namespace gridrun
