#include "gzip.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "idx_bytes.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

std::string text(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

class Gzip : public ::testing::Test {
 protected:
  std::string refusal(const std::string& bytes) {
    const auto path = scratch.write("data.gz", bytes);
    const std::string message = message_of<RequestError>([&] { read_file_inflated(path); });
    EXPECT_EQ(message.find(path.string() + ": "), 0U) << message;
    return message.substr(path.string().size() + 2);
  }

  ScratchDirectory scratch;
  const std::string contents = std::string(5000, 'a') + "the end";
};

TEST_F(Gzip, InflatesWhateverTheFilesName) {
  EXPECT_EQ(text(read_file_inflated(scratch.write("a", gzip_bytes(contents)))), contents);
  EXPECT_EQ(text(read_file_inflated(scratch.write("b.gz", contents))), contents);
  EXPECT_EQ(text(read_file_inflated(scratch.write("empty", ""))), "");
  EXPECT_EQ(text(read_file_inflated(scratch.write("nothing", gzip_bytes("")))), "");
}

TEST_F(Gzip, InflatesTheMembersOfOneFileInTheirOrder) {
  EXPECT_EQ(text(read_file_inflated(scratch.write("two", gzip_bytes("one, ") + gzip_bytes("two")))),
            "one, two");
}

TEST_F(Gzip, RefusesWhatIsCutShortOrCorrupt) {
  const std::string whole = gzip_bytes(contents);
  EXPECT_EQ(refusal(whole.substr(0, 10)), "cut short: a gzip file has at least 18 bytes");
  for (const std::size_t length : {whole.size() - 1, whole.size() - 8, whole.size() / 2})
    EXPECT_NE(refusal(whole.substr(0, length)).find("corrupt gzip"), std::string::npos) << length;
  for (std::size_t i = 10; i < whole.size(); ++i) {  // behind the header every bit counts
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_NE(refusal(flipped).find("corrupt gzip"), std::string::npos) << "byte " << i;
  }
  EXPECT_NE(refusal(whole + "more").find("corrupt gzip"), std::string::npos);
}

TEST_F(Gzip, AllocatesNoMoreThanADeflateStreamCanHold) {
  std::string bytes = gzip_bytes(contents);
  bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\xff");  // claims 4 GiB
  EXPECT_NE(refusal(bytes).find("corrupt gzip"), std::string::npos);
}

TEST_F(Gzip, SaysThatAFileCannotBeRead) {
  const std::string missing = (scratch.path() / "missing").string();
  EXPECT_EQ(message_of<RequestError>([&] { read_file(missing); }),
            missing + ": cannot open: No such file or directory");
  EXPECT_EQ(message_of<RequestError>([&] { read_file(scratch.path()); }),
            scratch.path().string() + ": cannot read: Is a directory");
}

}  // namespace
}  // namespace gridrun
