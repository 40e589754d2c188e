#include "output_directory.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gridrun/error.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const Json ours = {{"lr", 5}};
const std::string run_of_ours = R"({"configuration": {"lr": 5}})";
const std::string run_of_others = R"({"configuration": {"lr": 6}})";

std::string refusal(const fs::path& path) {
  return message_of<RequestError>([&] { OutputDirectory(path, ours, false); });
}

TEST(OutputDirectory, IsCreatedAndKept) {
  const ScratchDirectory scratch;
  OutputDirectory directory(scratch.path() / "a" / "b", ours, false);
  directory.keep();
  EXPECT_TRUE(fs::is_empty(scratch.path() / "a" / "b")) << "the probe is gone";
}

TEST(OutputDirectory, WithoutKeepWhatWasCreatedIsRemoved) {
  const ScratchDirectory scratch;
  { const OutputDirectory directory(scratch.path() / "a" / "b", ours, false); }
  EXPECT_TRUE(fs::is_empty(scratch.path()));
  fs::create_directory(scratch.path() / "a");
  { const OutputDirectory directory(scratch.path() / "a" / "b", ours, false); }
  EXPECT_TRUE(fs::is_directory(scratch.path() / "a")) << "what was there stays";
}

TEST(OutputDirectory, TakesARunOfTheSameConfiguration) {
  const ScratchDirectory scratch;
  scratch.write("run.json", run_of_ours);
  scratch.write("grid.csv", "old");
  EXPECT_NO_THROW(OutputDirectory(scratch.path(), ours, false));
  EXPECT_EQ(contents_of(scratch.path() / "grid.csv"), "old") << "nothing is touched yet";
}

TEST(OutputDirectory, RefusesARunOfAnotherConfigurationUnlessForced) {
  for (const std::string& held : {run_of_others, std::string("not JSON"), std::string("{}")}) {
    const ScratchDirectory scratch;
    scratch.write("run.json", held);
    EXPECT_EQ(refusal(scratch.path()), scratch.path().string() +
                                           ": holds run.json of another configuration; --force "
                                           "replaces it, --output DIR goes elsewhere");
    EXPECT_NO_THROW(OutputDirectory(scratch.path(), ours, true));
    EXPECT_EQ(contents_of(scratch.path() / "run.json"), held);
  }
}

TEST(OutputDirectory, RefusesResultsThatNoRunExplains) {
  const ScratchDirectory scratch;
  scratch.write("grid.csv", "somebody's");
  EXPECT_NE(refusal(scratch.path()).find("holds grid.csv"), std::string::npos);
}

TEST(OutputDirectory, RefusesWhatCannotBeWritten) {
  const ScratchDirectory scratch;
  const auto file = scratch.write("file", "");
  EXPECT_EQ(refusal(file), file.string() + ": not a directory");
  EXPECT_EQ(refusal(file / "below"),
            (file / "below").string() + ": cannot be written: Not a directory");
  EXPECT_NE(refusal("/proc/gridrun").find("/proc/gridrun: cannot be written: "), std::string::npos);
}

}  // namespace
}  // namespace gridrun
