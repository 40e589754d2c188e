#include "results/output_directory.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/durable_file.hpp"
#include "base/message_text.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const Json ours = {{"lr", 5}, {"grid", Json::object()}, {"report", Json::object()}};
const Json others = {{"lr", 6}, {"grid", Json::object()}, {"report", Json::object()}};
const std::string run_of_ours = R"({"configuration": {"lr": 5, "grid": {}, "report": {}}})";
const std::string run_of_others = R"({"configuration": {"lr": 6, "grid": {}, "report": {}}})";

const std::string run_of_damage = R"({"configuration": {"lr": 5})";

std::string refusal(const fs::path& path) {
  return message_of<RequestError>([&] { OutputDirectory(path, ours, false); });
}

constexpr const char* advice = "; --force replaces it, --output DIR goes elsewhere";

TEST(OutputDirectory, KeepsWhatItCreatedOnceSomethingIsPublished) {
  const ScratchDirectory scratch;
  const fs::path path = scratch.path() / "a" / "b";
  {
    OutputDirectory directory(path, ours, false);
    directory.publish({{"run.json", [](const fs::path& file) { write_file(file, run_of_ours); }}});
  }
  EXPECT_EQ(contents_of(path / "run.json"), run_of_ours);
  EXPECT_FALSE(fs::exists(path / ".gridrun.lock"));
}

TEST(OutputDirectory, RemovesWhatItCreatedOtherwise) {
  const ScratchDirectory scratch;
  { const OutputDirectory directory(scratch.path() / "a" / "b", ours, false); }
  EXPECT_TRUE(fs::is_empty(scratch.path()));
  fs::create_directory(scratch.path() / "a");
  { const OutputDirectory directory(scratch.path() / "a" / "b", ours, false); }
  EXPECT_TRUE(fs::is_empty(scratch.path() / "a")) << "what was there stays";
}

TEST(OutputDirectory, TakesARunOfTheSameConfiguration) {
  const ScratchDirectory scratch;
  scratch.write("run.json", run_of_ours);
  scratch.write("grid.csv", "old");
  EXPECT_NO_THROW(OutputDirectory(scratch.path(), ours, false));
  EXPECT_EQ(contents_of(scratch.path() / "grid.csv"), "old") << "nothing is touched yet";
}

TEST(OutputDirectory, RefusesARunOfAnotherConfigurationUnlessForced) {
  const ScratchDirectory scratch;
  scratch.write("run.json", run_of_others);
  EXPECT_EQ(refusal(scratch.path()),
            scratch.path().string() + ": holds run.json of another configuration" + advice);
  EXPECT_NO_THROW(OutputDirectory(scratch.path(), ours, true));
  EXPECT_EQ(contents_of(scratch.path() / "run.json"), run_of_others);
}

TEST(OutputDirectory, SaysWhatIsReallyThere) {
  const ScratchDirectory scratch;
  scratch.write("grid.csv", "somebody's");
  EXPECT_EQ(refusal(scratch.path()),
            scratch.path().string() +
                ": grid.csv is not of a gridrun run, there is no run.json beside it" + advice);
  scratch.write("run.json", run_of_damage);
  EXPECT_EQ(refusal(scratch.path()),
            scratch.path().string() + ": run.json cannot be read: not JSON at byte 28" + advice);
  scratch.write("run.json", "{}");
  EXPECT_EQ(
      refusal(scratch.path()),
      scratch.path().string() + ": run.json cannot be read: it has no \"configuration\"" + advice);
  EXPECT_NO_THROW(OutputDirectory(scratch.path(), ours, true));
}

TEST(OutputDirectory, RefusesWhatCannotBeWritten) {
  const ScratchDirectory scratch;
  const auto file = scratch.write("file", "");
  const std::string way_out = "; --output DIR goes elsewhere";
  EXPECT_EQ(refusal(file), file.string() + ": not a directory" + way_out);
  EXPECT_EQ(refusal(file / "below"),
            (file / "below").string() + ": cannot be written: Not a directory" + way_out);
  const fs::path long_name = scratch.path() / std::string(256, 'x');
  EXPECT_EQ(refusal(long_name),
            path_text(long_name) + ": cannot be written: File name too long" + way_out);
  const fs::path loop = scratch.path() / "loop";
  fs::create_symlink("loop", loop);
  EXPECT_EQ(refusal(loop), loop.string() +
                               ": cannot be written: Too many levels of symbolic "
                               "links" +
                               way_out);
  const fs::path nowhere = scratch.path() / "nowhere";
  fs::create_symlink("none", nowhere);
  EXPECT_EQ(refusal(nowhere),
            nowhere.string() + ": cannot be written: No such file or directory" + way_out);
  EXPECT_NE(refusal("/proc/gridrun").find("/proc/gridrun: cannot be written: "), std::string::npos);
}

TEST(OutputDirectory, RefusesWhatIsNoFileInTheFilesPlace) {
  const ScratchDirectory scratch;
  fs::create_directory(scratch.path() / "curves.npz");
  EXPECT_EQ(message_of<RequestError>([&] { OutputDirectory(scratch.path(), ours, true); }),
            scratch.path().string() +
                ": curves.npz is not a file; move it away, or --output DIR goes elsewhere");
}

TEST(OutputDirectory, RefusesALinkInThePlaceOfItsFolder) {
  const ScratchDirectory scratch;
  scratch.write("run-1", "somebody's");
  fs::create_symlink(".", scratch.path() / ".gridrun");
  EXPECT_EQ(message_of<RequestError>([&] { OutputDirectory(scratch.path(), ours, true); }),
            scratch.path().string() +
                ": .gridrun is a link, to what may not be gridrun's; move it away, or --output DIR "
                "goes elsewhere");
  EXPECT_EQ(contents_of(scratch.path() / "run-1"), "somebody's");
}

/// A directory with a published run of others, and the link to its version spelt in another way.
void publish_run_of_others(const fs::path& path, const fs::path& link) {
  OutputDirectory(path, others, false).publish({{"run.json", [](const fs::path& file) {
                                                   write_file(file, run_of_others);
                                                 }}});
  fs::remove(path / ".gridrun/current");
  fs::create_symlink(link, path / ".gridrun/current");
}

TEST(OutputDirectory, RefusesWithoutATraceHoweverItsLinkIsSpelt) {
  const ScratchDirectory scratch;
  const fs::path path = scratch.path() / "out";
  for (const fs::path& link : {path / ".gridrun/run-1", fs::path("run-1/"), fs::path("./run-1")}) {
    fs::remove_all(path);
    publish_run_of_others(path, link);
    write_file(path / "grid.csv.7.partial", "of a dead run");
    EXPECT_NE(refusal(path).find("of another configuration"), std::string::npos) << link;
    EXPECT_EQ(contents_of(path / "run.json"), run_of_others);
    EXPECT_TRUE(fs::exists(path / "grid.csv.7.partial"));
    { const OutputDirectory taken(path, others, false); }
    EXPECT_EQ(contents_of(path / "run.json"), run_of_others);
    EXPECT_FALSE(fs::exists(path / "grid.csv.7.partial"));
  }
}

TEST(OutputDirectory, PublishesNowhereButInTheDirectoryThatItLocked) {
  const ScratchDirectory scratch;
  const fs::path path = scratch.path() / "out";
  fs::create_directory(path);
  OutputDirectory directory(path, ours, false);
  fs::rename(path, scratch.path() / "moved");
  fs::create_directory(path);
  write_file(path / "grid.csv", "somebody's");
  EXPECT_EQ(message_of<RunError>([&] {
              directory.publish(
                  {{"run.json", [](const fs::path& file) { write_file(file, run_of_ours); }}});
            }),
            path.string() +
                ": was moved or removed, or its lock, while the run was on; nothing "
                "was written");
  EXPECT_EQ(contents_of(path / "grid.csv"), "somebody's");
  EXPECT_FALSE(fs::exists(path / "run.json"));
}

}  // namespace
}  // namespace gridrun
