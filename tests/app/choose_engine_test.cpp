// Which engine a sweep goes to where there is a GPU: emulated_gpu.cpp has one.
#include "app/choose_engine.hpp"

#include <gtest/gtest.h>

#include "base/shipped_files.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

std::string chosen(const std::string& device, const std::vector<std::string>& overrides) {
  const Sweep sweep = read_configuration(find_configuration("digits.toml"), overrides);
  return choose_engines(device, sweep).front()->name();
}

TEST(ChooseEngine, StudiesGoToTheGpu) {
  EXPECT_EQ(chosen("auto", {}), "cuda");
  EXPECT_EQ(chosen("auto", {"report.diagnostics=true"}), "cuda");
  EXPECT_EQ(chosen("0", {"report.diagnostics=true"}), "cuda");
}

TEST(ChooseEngine, OtherNetworksGoToTheProcessor) {
  const std::vector<std::string> other = {"network.bias=true", "report.diagnostics=true"};
  EXPECT_EQ(chosen("auto", other), "cpu");
  EXPECT_THROW(chosen("0", other), RequestError);
}

}  // namespace
}  // namespace gridrun
