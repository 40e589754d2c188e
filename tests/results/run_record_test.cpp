#include "results/run_record.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

class RunRecordFile : public ::testing::Test {
 protected:
  std::string refusal(const std::string& text) const {
    const auto path = scratch.write("run.json", text);
    return message_of<RequestError>([&] { configuration_of_run(path); });
  }

  RunRecordFile() { staged.dataset = &dataset; }

  Dataset dataset;
  StagedSweep staged;
  ScratchDirectory scratch;
};

TEST_F(RunRecordFile, GivesItsConfigurationBack) {
  const nlohmann::ordered_json configuration{{"grid", {{"lr", {5, 9}}, {"fraction", {12}}}}};
  const auto path = scratch.write("run.json", run_json({}, configuration, staged));
  EXPECT_EQ(configuration_of_run(path), configuration);
}

TEST_F(RunRecordFile, CountsTheSamplesWhereSomeAreHeldOut) {
  staged.order = {3, 0, 1};
  const auto record = [&] { return nlohmann::json::parse(run_json({}, {}, staged))["dataset"]; };
  EXPECT_FALSE(record().contains("trained_on") || record().contains("held_out"));
  staged.held_out = {2, 4};
  EXPECT_EQ(record()["trained_on"], 3);
  EXPECT_EQ(record()["held_out"], 2);
}

TEST_F(RunRecordFile, MayHoldAnything) {
  EXPECT_EQ(refusal(""), "not JSON at byte 1");
  EXPECT_EQ(refusal("{\"configuration\": \x01\n}"), "not JSON at byte 19");
  EXPECT_EQ(refusal("{\"configuration\": 1e999}"), "not JSON: a number out of range");
  EXPECT_EQ(refusal("{}"), "it has no \"configuration\"");
  EXPECT_EQ(refusal("[1]"), "it has no \"configuration\"");
  EXPECT_EQ(refusal(std::string(5 << 20, ' ')), "larger than 4 MiB");
  const std::size_t deep = 200'000;
  for (const char* open : {"[", "{\"a\":"}) {
    std::string text = "{\"configuration\": ";
    for (std::size_t i = 0; i < deep; ++i) text += open;
    EXPECT_EQ(refusal(text), "nested deeper than 32 levels");
  }
}

TEST_F(RunRecordFile, MayBeNoFile) {
  const auto path = scratch.path() / "run.json";
  const auto why = [&] { return message_of<RequestError>([&] { configuration_of_run(path); }); };
  EXPECT_EQ(why(), "No such file or directory");
  std::filesystem::create_directory(path);
  EXPECT_EQ(why(), "not a file");
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(why(), "not a file") << "nobody writes into the pipe";
}

}  // namespace
}  // namespace gridrun
