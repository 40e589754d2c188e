#include "results/directory_lock.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <regex>
#include <thread>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

TEST(DirectoryLock, SaysWhoHoldsIt) {
  const ScratchDirectory scratch;
  std::optional<DirectoryLock> first(std::in_place, scratch.path());
  const std::string message =
      message_of<RequestError>([&] { const DirectoryLock second(scratch.path()); });
  const std::string expected = scratch.path().string() + ": in use by process " +
                               std::to_string(::getpid()) +
                               R"( on \S+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; )"
                               "--output DIR goes elsewhere";
  EXPECT_TRUE(std::regex_match(message, std::regex(expected))) << message;
  first.reset();
  EXPECT_TRUE(fs::is_empty(scratch.path()));
  EXPECT_NO_THROW(DirectoryLock{scratch.path()});
}

TEST(DirectoryLock, OfADeadProcessIsFree) {
  const ScratchDirectory scratch;
  const pid_t child = ::fork();
  if (child == 0) {
    const DirectoryLock lock(scratch.path());
    ::_exit(0);  // without any destructor
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs::exists(scratch.path() / ".gridrun.lock"));
  { const DirectoryLock lock(scratch.path()); }
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(DirectoryLock, ItsPlaceMayBeTaken) {
  const ScratchDirectory scratch;
  const fs::path place = scratch.path() / ".gridrun.lock";
  ASSERT_EQ(::mkfifo(place.c_str(), 0600), 0);
  EXPECT_EQ(message_of<RequestError>([&] { const DirectoryLock lock(scratch.path()); }),
            place.string() + ": not a file; --output DIR goes elsewhere");
  EXPECT_TRUE(fs::is_fifo(place)) << "it is left as it was";
}

TEST(DirectoryLock, RemovesOnlyWhatItCreatedAndIsEmpty) {
  const ScratchDirectory scratch;
  { const DirectoryLock lock(scratch.path() / "a" / "b" / ""); }
  EXPECT_TRUE(fs::is_empty(scratch.path()));
  {
    const DirectoryLock lock(scratch.path() / "a" / "b");
    scratch.write("a/note", "somebody's");
  }
  EXPECT_EQ(contents_of(scratch.path() / "a" / "note"), "somebody's");
  EXPECT_FALSE(fs::exists(scratch.path() / "a" / "b"));
  {
    DirectoryLock lock(scratch.path() / "b");
    lock.keep();
  }
  EXPECT_TRUE(fs::is_empty(scratch.path() / "b"));
}

TEST(DirectoryLock, FollowsLinksAsTheKernelDoes) {
  const ScratchDirectory scratch;
  fs::create_directories(scratch.path() / "far" / "below");
  fs::create_directory_symlink("far/below", scratch.path() / "link");
  DirectoryLock lock(scratch.path() / "link" / ".." / "here");
  EXPECT_TRUE(fs::exists(scratch.path() / "far" / "here" / ".gridrun.lock"));
  EXPECT_FALSE(fs::exists(scratch.path() / "here"));
}

/// Whoever has the lock has it alone, while others create and remove the same directories.
TEST(DirectoryLock, SurvivesOthersThatComeAndGo) {
  const ScratchDirectory scratch(memory_directory());
  const fs::path path = scratch.path() / "a" / "b";
  std::atomic<int> inside = 0, entered = 0;
  const auto come_and_go = [&] {
    for (int i = 0; i < 300; ++i) try {
        const DirectoryLock lock(path);
        EXPECT_EQ(++inside, 1);
        EXPECT_TRUE(fs::exists(path / ".gridrun.lock"));
        ++entered;
        --inside;
      } catch (const RequestError& error) {
        EXPECT_NE(std::string(error.what()).find("in use by process"), std::string::npos)
            << error.what();
      }
  };
  { const std::jthread one(come_and_go), two(come_and_go), three(come_and_go); }
  EXPECT_GT(entered, 0);
  EXPECT_FALSE(fs::exists(path / ".gridrun.lock"));
}

}  // namespace
}  // namespace gridrun
