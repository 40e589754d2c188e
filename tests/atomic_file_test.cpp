#include "atomic_file.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

auto writing(const std::string& text) {
  return [text](const fs::path& path) { write_file(path, text); };
}

TEST(AtomicFile, TakesItsPlaceOnCommitAndNotBefore) {
  const ScratchDirectory scratch;
  const auto path = scratch.write("a", "old");
  {
    AtomicFile file(path, writing("new"));
    EXPECT_EQ(contents_of(path), "old");
    file.commit();
    EXPECT_EQ(contents_of(path), "new");
  }
  EXPECT_EQ(contents_of(path), "new");
}

TEST(AtomicFile, LeavesNoTraceWithoutCommit) {
  const ScratchDirectory scratch;
  { const AtomicFile file(scratch.path() / "a", writing("new")); }
  EXPECT_THROW(AtomicFile(scratch.path() / "a",
                          [](const fs::path& path) {
                            write_file(path, "half");
                            throw RunError("no more");
                          }),
               RunError);
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(AtomicFile, SaysWhyItCannotBeWritten) {
  const ScratchDirectory scratch;
  const std::string message =
      message_of<RunError>([&] { AtomicFile(scratch.path() / "no" / "a", writing("new")); });
  EXPECT_EQ(message.find((scratch.path() / "no" / "a").string()), 0U) << message;
  EXPECT_NE(message.find("cannot write: No such file or directory"), std::string::npos) << message;
}

TEST(WriteFile, SaysThatTheDiskIsFull) {
  EXPECT_EQ(message_of<RunError>([] { write_file("/dev/full", "text"); }),
            "/dev/full: cannot write: No space left on device");
}

}  // namespace
}  // namespace gridrun
