#include "results/published_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/durable_file.hpp"
#include "gridrun/error.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

NewFile file(const std::string& name, const std::string& text) {
  return {name, [text](const fs::path& path) { write_file(path, text); }};
}

Names names_in(const fs::path& directory) {
  Names names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class PublishedFilesTest : public ::testing::Test {
 protected:
  std::string text(const std::string& name) const { return contents_of(scratch.path() / name); }

  /// Expects these files, and nothing besides but one version of them.
  void expect_only(Names names) const {
    EXPECT_EQ(files.shown(), names);
    const fs::path hidden = scratch.path() / ".gridrun";
    EXPECT_EQ(names_in(hidden / "current"), names);
    EXPECT_EQ(names_in(hidden).size(), 2U) << "the link and what it leads to";
    names.insert(names.begin(), ".gridrun");
    EXPECT_EQ(names_in(scratch.path()), names);
  }

  ScratchDirectory scratch{memory_directory()};
  PublishedFiles files{scratch.path(), {"a", "b", "c"}};
};

TEST_F(PublishedFilesTest, ComeAndGoWithTheirVersion) {
  EXPECT_TRUE(files.shown().empty());
  files.publish({file("a", "1"), file("b", "1")});
  expect_only({"a", "b"});
  files.publish({file("b", "2"), file("c", "2")});
  expect_only({"b", "c"});
  EXPECT_EQ(text("b") + text("c"), "22");
}

TEST_F(PublishedFilesTest, StayAsTheyWereWhenOneFails) {
  const NewFile fails{"c", [](const fs::path& path) {
                        write_file(path, "half");
                        throw RunError("no more");
                      }};
  EXPECT_THROW(files.publish({file("a", "1"), fails}), RunError);
  EXPECT_TRUE(fs::is_empty(scratch.path()));
  files.publish({file("a", "1"), file("b", "1")});
  EXPECT_THROW(files.publish({file("a", "2"), fails}), RunError);
  expect_only({"a", "b"});
  EXPECT_EQ(text("a") + text("b"), "11");
}

TEST_F(PublishedFilesTest, TakeThePlaceOfPlainFiles) {
  for (const char* name : {"a", "b", "note"}) scratch.write(name, "plain");
  EXPECT_EQ(files.shown(), (Names{"a", "b"}));
  const NewFile fails{"c", [](const fs::path&) { throw RunError("no more"); }};
  EXPECT_THROW(files.publish({file("a", "1"), fails}), RunError);
  EXPECT_EQ(text("a") + text("b"), "plainplain");
  files.publish({file("b", "1"), file("c", "1")});
  EXPECT_EQ(text("note"), "plain");
  fs::remove(scratch.path() / "note");
  expect_only({"b", "c"});
  EXPECT_EQ(text("b") + text("c"), "11");
}

TEST_F(PublishedFilesTest, TakeThePlaceOfAFileThatSomebodyReplaced) {
  files.publish({file("a", "1"), file("b", "1")});
  fs::remove(scratch.path() / "a");
  scratch.write("a", "somebody's");
  files.publish({file("a", "2"), file("b", "2")});
  expect_only({"a", "b"});
  EXPECT_EQ(text("a") + text("b"), "22");
}

TEST_F(PublishedFilesTest, MayBeMovedAndCopied) {
  const ScratchDirectory elsewhere(memory_directory());
  files.publish({file("a", "1"), file("b", "1")});
  const fs::path moved = elsewhere.path() / "moved";
  fs::rename(scratch.path(), moved);
  fs::create_directory(scratch.path());
  const fs::path as_is = elsewhere.path() / "as is", followed = elsewhere.path() / "followed";
  fs::copy(moved, as_is, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  fs::copy(moved, followed, fs::copy_options::recursive);  // as scp -r
  ASSERT_TRUE(fs::is_directory(fs::symlink_status(followed / ".gridrun" / "current")));
  for (const fs::path& place : {moved, as_is, followed}) {
    const PublishedFiles there(place, {"a", "b", "c"});
    EXPECT_EQ(contents_of(place / "a") + contents_of(place / "b"), "11");
    there.check_usable();
    there.publish({file("a", "2"), file("c", "2")});
    EXPECT_EQ(names_in(place), (Names{".gridrun", "a", "c"})) << place;
    EXPECT_EQ(names_in(place / ".gridrun").size(), 2U) << place;
    EXPECT_EQ(contents_of(place / "a") + contents_of(place / "c"), "22");
  }
}

TEST_F(PublishedFilesTest, AreTidiedOfWhatTheDeadLeft) {
  files.publish({file("a", "1")});
  scratch.write(".gridrun/run-7/a", "half");
  fs::create_symlink("run-7", scratch.path() / ".gridrun/new");
  fs::create_symlink(".gridrun/current/b", scratch.path() / "b");
  scratch.write("a.123.partial", "of an older gridrun");
  files.tidy();
  expect_only({"a"});
  const Names somebodys = {".gridrun/notes", "a.x.partial", "a.partial", "d.123.partial", "run-3"};
  for (const auto& name : somebodys) scratch.write(name, "");
  fs::create_symlink("nowhere", scratch.path() / "link");
  files.tidy();
  for (const auto& name : somebodys) EXPECT_TRUE(fs::exists(scratch.path() / name)) << name;
  EXPECT_TRUE(fs::is_symlink(scratch.path() / "link"));
}

/// What it reads during its turn is no older than what another shows before it.
TEST_F(PublishedFilesTest, AnExportWaitsForItsTurn) {
  std::atomic<bool> is_shown = false;
  std::jthread other;
  {
    const FileDescriptor turn = files.turn();
    other = std::jthread([&] {
      files.publish({file("a", "newer")});
      is_shown = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(is_shown) << "it waits as well";
    files.publish({file("a", "older")}, turn);
    EXPECT_EQ(contents_of(scratch.path() / "a"), "older");
  }
  other.join();
  EXPECT_EQ(contents_of(scratch.path() / "a"), "newer");
}

/// A reader that enters through `current` finds the files of one version, while they change.
TEST_F(PublishedFilesTest, AreOfOneVersionAtEveryInstant) {
  files.publish({file("a", "0"), file("b", "0")});
  std::atomic<bool> done = false;
  int seen = 0;
  std::jthread reader([&] {
    while (!done) {
      std::error_code gone;
      const fs::path version = fs::canonical(scratch.path() / ".gridrun" / "current", gone);
      const std::string a = contents_of(version / "a"), b = contents_of(version / "b");
      if (fs::exists(version / "b", gone)) {
        EXPECT_EQ(a, b);
        ++seen;
      }
      EXPECT_TRUE(fs::is_symlink(scratch.path() / "a"));
    }
  });
  for (int i = 1; i < 100; ++i)
    files.publish({file("a", std::to_string(i)), file("b", std::to_string(i))});
  done = true;
  reader.join();
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace gridrun
