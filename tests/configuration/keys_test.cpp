#include "configuration/keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace gridrun {
namespace {

TEST(Keys, AreDescribedOnceEach) {
  std::set<std::string> names;
  for (const Key& key : configuration_keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_FALSE(key.type.empty()) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_TRUE(key.read && key.set && key.write) << key.name;
  }
  EXPECT_EQ(names.count("precision.gradient.random_bits"), 1U);
  EXPECT_EQ(names.count("precision.accumulator.fraction"), 0U) << "sums have the products' scale";
  EXPECT_EQ(names.count("precision.input.random_bits"), 0U) << "inputs round to nearest";
}

TEST(Keys, TellDefaultsThatASweepHas) {
  std::map<std::string, std::string> defaults;
  for (const Key& key : configuration_keys()) defaults[key.name] = key.otherwise;
  EXPECT_EQ(defaults["train.iterations"], "10000");
  EXPECT_EQ(defaults["dataset.order"], "by_label");
  EXPECT_EQ(defaults["network.bias"], "false");
  EXPECT_EQ(defaults["precision.error.bits"], "as precision.bits");
  EXPECT_EQ(defaults["precision.accumulator.bits"], "64");
}

TEST(Keys, NamesHoldTheEndsOfRanges) {
  const auto& names = names_of_keys();
  for (const char* name :
       {"grid.lr", "grid.lr.from", "grid.bits.to", "grid.fraction.step", "grid.\"train.seed\"",
        "grid.\"init.std\".to", "precision.weight.integer"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
}

TEST(Keys, TheReadmeHasTheirTable) {
  std::ifstream file(GRIDRUN_TESTS "/../README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  EXPECT_NE(readme.str().find(keys_as_markdown()), std::string::npos)
      << "README.md's table of keys should be\n"
      << keys_as_markdown();
}

TEST(Keys, TheHelpHasThemAll) {
  const std::string help = keys_as_help();
  for (const Key& key : configuration_keys())
    if (std::count(key.name.begin(), key.name.end(), '.') == 1) {
      EXPECT_NE(help.find("  " + key.name + " "), std::string::npos) << key.name;
    }
  EXPECT_NE(help.find("precision.TENSOR"), std::string::npos);
}

}  // namespace
}  // namespace gridrun
