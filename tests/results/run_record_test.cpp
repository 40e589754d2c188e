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

  ScratchDirectory scratch;
};

TEST_F(RunRecordFile, GivesItsConfigurationBack) {
  const nlohmann::ordered_json configuration{{"grid", {{"lr", {5, 9}}, {"fraction", {12}}}}};
  const auto path = scratch.write("run.json", run_json({}, configuration, {}));
  EXPECT_EQ(configuration_of_run(path), configuration);
}

TEST_F(RunRecordFile, CountsTheSamplesWhereSomeAreHeldOut) {
  Dataset dataset;
  dataset.samples = 5;
  const auto all = dataset_json(dataset, {1, 2}, 0);
  EXPECT_FALSE(all.contains("trained_on") || all.contains("held_out"));
  EXPECT_EQ(all["identity"], "00000000000000010000000000000002");
  const auto some = dataset_json(dataset, {1, 2}, 2);
  EXPECT_EQ(some["trained_on"], 3);
  EXPECT_EQ(some["held_out"], 2);
  EXPECT_EQ(nlohmann::ordered_json::parse(run_json({}, {}, some))["dataset"], some);
}

TEST_F(RunRecordFile, NamesTheLabelsOfClassesThatAreNotTheirNumbers) {
  EXPECT_FALSE(dataset_json({}, {1, 2}, 0).contains("labels"));
  const auto numbers = dataset_json({}, {1, 2}, 0, {-1.0, 0.5, 1e300});
  EXPECT_EQ(numbers["labels"].dump(), "[-1,0.5,1e+300]");
  const auto texts = dataset_json({}, {1, 2}, 0, {"no\xff", "yes"});
  EXPECT_EQ(texts["labels"].dump(), "[\"no\\\\xff\",\"yes\"]");
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
