// Which engine a sweep goes to where there is a GPU: emulated_gpu.cpp has one.
#include "app/choose_engine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/shipped_files.hpp"
#include "configuration/configuration.hpp"

namespace gridrun {
namespace {

std::vector<std::string> chosen(const std::string& device,
                                const std::vector<std::string>& overrides) {
  const Sweep sweep = read_configuration(find_configuration("digits.toml"), overrides);
  std::vector<std::string> names;
  for (const auto& engine : choose_engines(device, sweep)) names.push_back(engine->name());
  return names;
}

using Names = std::vector<std::string>;

TEST(ChooseEngine, WhateverIsInFixedPointGoesToTheGpu) {
  const Names studies, others = {"network.bias=true", "precision.round=\"stochastic\""};
  for (const Names& overrides : {studies, others})
    for (const std::string device : {"auto", "0"}) {
      EXPECT_EQ(chosen(device, overrides), Names{"cuda"});
      Names diagnosed = overrides;
      diagnosed.push_back("report.diagnostics=true");
      EXPECT_EQ(chosen(device, diagnosed), Names{"cuda"});
    }
}

TEST(ChooseEngine, TheBaselineGoesToTheProcessorBesideTheGpu) {
  EXPECT_EQ(chosen("auto", {"report.baseline=true"}), (Names{"cuda", "cpu"}));
  EXPECT_EQ(chosen("cpu", {"report.baseline=true"}), Names{"cpu"});
}

}  // namespace
}  // namespace gridrun
