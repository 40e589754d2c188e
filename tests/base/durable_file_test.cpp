#include "base/durable_file.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

TEST(WriteFile, EmptiesWhatWasThere) {
  const ScratchDirectory scratch;
  const auto path = scratch.write("a", "what was there is longer");
  write_file(path, "new");
  EXPECT_EQ(contents_of(path), "new");
}

TEST(WriteFile, SaysWhyItCannotWrite) {
  const ScratchDirectory scratch;
  const auto path = scratch.path() / "no" / "a";
  EXPECT_EQ(message_of<RunError>([&] { write_file(path, "text"); }),
            path.string() + ": cannot write: No such file or directory");
  EXPECT_EQ(message_of<RunError>([] { write_file("/dev/full", "text"); }),
            "/dev/full: cannot write: No space left on device");
}

TEST(SyncToDisk, TakesFilesAndDirectories) {
  const ScratchDirectory scratch;
  EXPECT_NO_THROW(sync_to_disk(scratch.write("a", "text")));
  EXPECT_NO_THROW(sync_to_disk(scratch.path()));
  EXPECT_THROW(sync_to_disk(scratch.path() / "none"), RunError);
}

}  // namespace
}  // namespace gridrun
