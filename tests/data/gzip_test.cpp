#include "data/gzip.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "gridrun/error.hpp"
#include "idx_bytes.hpp"
#include "message_of.hpp"
#include "peak_memory.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

std::string inflated(const std::filesystem::path& path) {
  InflatingReader reader(path);
  std::string bytes;
  std::uint8_t part[1000];
  for (std::size_t got = sizeof part; got == sizeof part;) {
    got = reader.read(part, sizeof part);
    bytes.append(part, part + got);
  }
  return bytes;
}

/// The same by read_rest(), with some bytes read before.
std::string inflated_whole(const std::filesystem::path& path, std::size_t size, std::size_t done) {
  InflatingReader reader(path);
  std::string bytes(size, '?');
  auto* to = reinterpret_cast<std::uint8_t*>(bytes.data());
  const std::size_t got = reader.read_rest(to, reader.read(to, done), size);
  if (got > size) return bytes + "...";
  return bytes.substr(0, got);
}

class Gzip : public ::testing::Test {
 protected:
  std::string refusal(const std::string& bytes) {
    const auto path = scratch.write("data.gz", bytes);
    const std::string message = message_of<RequestError>([&] { inflated(path); });
    EXPECT_EQ(message_of<RequestError>([&] { inflated_whole(path, 1000000, 0); }), message);
    EXPECT_EQ(message.find(path.string() + ": "), 0U) << message;
    return message.substr(path.string().size() + 2);
  }

  ScratchDirectory scratch;
  const std::string contents = std::string(5000, 'a') + "the end";
};

TEST_F(Gzip, InflatesWhateverTheFilesName) {
  EXPECT_EQ(inflated(scratch.write("a", gzip_bytes(contents))), contents);
  EXPECT_EQ(inflated(scratch.write("b.gz", contents)), contents);
  EXPECT_EQ(inflated(scratch.write("empty", "")), "");
  EXPECT_EQ(inflated(scratch.write("nothing", gzip_bytes(""))), "");
}

TEST_F(Gzip, InflatesTheMembersOfOneFileInTheirOrder) {
  EXPECT_EQ(inflated(scratch.write("two", gzip_bytes("one, ") + gzip_bytes("two"))), "one, two");
}

TEST_F(Gzip, PassesOverZerosBehindTheLastMember) {
  const std::string two = gzip_bytes("one, ") + gzip_bytes("two");
  for (const std::size_t zeros : {1, 2, 511, 200'000}) {
    const auto path = scratch.write("padded", two + std::string(zeros, '\0'));
    EXPECT_EQ(inflated(path), "one, two") << zeros;
    EXPECT_EQ(inflated_whole(path, 8, 0), "one, two") << zeros;
  }
}

TEST_F(Gzip, RefusesWhatIsCutShortOrCorrupt) {
  const std::string whole = gzip_bytes(contents);
  for (const std::size_t length :
       {std::size_t{2}, std::size_t{10}, whole.size() - 1, whole.size() - 8, whole.size() / 2})
    EXPECT_NE(refusal(whole.substr(0, length)).find("corrupt gzip"), std::string::npos) << length;
  for (std::size_t i = 10; i < whole.size(); ++i) {  // behind the header every bit counts
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_NE(refusal(flipped).find("corrupt gzip"), std::string::npos) << "byte " << i;
  }
  const std::string zeros(70'000, '\0');
  for (const std::string& behind : {std::string("more"), zeros + "more", zeros + whole})
    EXPECT_NE(refusal(whole + behind).find("corrupt gzip"), std::string::npos);
}

TEST_F(Gzip, ReadsTheRestOfAFileWithinItsBounds) {
  for (const std::string& bytes :
       {contents, gzip_bytes(contents),
        gzip_bytes(contents.substr(0, 9)) + gzip_bytes(contents.substr(9))}) {
    const auto path = scratch.write("data", bytes);
    for (const std::size_t done : {std::size_t{0}, std::size_t{12}, contents.size()}) {
      EXPECT_EQ(inflated_whole(path, contents.size(), done), contents);
      EXPECT_EQ(inflated_whole(path, contents.size() + 9, done), contents);
    }
    EXPECT_EQ(inflated_whole(path, contents.size() - 1, 12),
              contents.substr(0, contents.size() - 1) + "...");
  }
}

TEST_F(Gzip, InflatesWhatItsInputDoesNotHoldAtOnce) {
  std::string noise;
  for (std::uint32_t i = 0, state = 1; i < 300000; ++i) {
    state = state * 1664525 + 1013904223;
    noise += static_cast<char>(state >> 24);
  }
  for (const std::string& bytes : {noise, gzip_bytes(noise)}) {
    const auto path = scratch.write("noise", bytes);
    EXPECT_TRUE(inflated(path) == noise);
    for (const std::size_t done : {std::size_t{16}, std::size_t{100000}})
      EXPECT_TRUE(inflated_whole(path, noise.size(), done) == noise) << done;
  }
}

TEST_F(Gzip, BoundsWhatAFileCanHold) {
  EXPECT_EQ(InflatingReader(scratch.write("plain", contents)).most_bytes(), contents.size());
  const std::string gzip = gzip_bytes(contents);
  EXPECT_EQ(InflatingReader(scratch.write("gzip", gzip)).most_bytes(), gzip.size() * 1032);
}

TEST_F(Gzip, SaysWhatMemoryReadingTakes) {
  EXPECT_EQ(InflatingReader(scratch.write("plain", contents)).bytes_to_read_rest(9), 0U);
  std::string padded = gzip_bytes(contents);
  padded.resize(9'000'000);
  const auto path = scratch.write("gzip", padded);
  const auto needed = static_cast<double>(InflatingReader(path).bytes_to_read_rest(10'000));
  EXPECT_GE(needed, 9'000'000);
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes more";
  const double measured = peak_growth([&] { inflated_whole(path, 10'000, 0); });
  EXPECT_NEAR(needed, measured, 2 << 20);
}

TEST_F(Gzip, APipeIsReadToItsEnd) {
  const std::string pipe = (scratch.path() / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& bytes : {contents, gzip_bytes(contents)}) {
    std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << bytes; });
    InflatingReader reader(pipe);
    EXPECT_EQ(reader.most_bytes(), std::nullopt);
    std::string read(contents.size(), '?');
    EXPECT_EQ(reader.read_rest(reinterpret_cast<std::uint8_t*>(read.data()), 0, read.size()),
              contents.size());
    EXPECT_EQ(read, contents);
    writer.join();
  }
}

TEST_F(Gzip, StopsWhenTheProgressIsStopped) {
  Progress progress;
  InflatingReader reader(scratch.write("noise", std::string(1000000, 'a')), &progress);
  progress.stop();
  std::string read(1000000, '?');
  EXPECT_THROW(reader.read(reinterpret_cast<std::uint8_t*>(read.data()), read.size()), Interrupted);
  EXPECT_THROW(InflatingReader(scratch.path() / "noise", &progress), Interrupted);
}

}  // namespace
}  // namespace gridrun
