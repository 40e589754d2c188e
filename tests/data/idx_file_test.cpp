#include "data/idx_file.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "idx_bytes.hpp"
#include "message_of.hpp"
#include "peak_memory.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

class IdxFile : public ::testing::Test {
 protected:
  IdxArray read(const std::string& bytes) {
    return read_idx(IdxReader(scratch.write("array", bytes)));
  }

  std::string refusal(const std::string& bytes) {
    const std::string message = message_of<RequestError>([&] { read(bytes); });
    const std::string path = (scratch.path() / "array").string() + ": ";
    EXPECT_EQ(message.find(path), 0U) << message;
    return message.substr(path.size());
  }

  ScratchDirectory scratch;
};

TEST_F(IdxFile, ReadsBytesPlainOrGzip) {
  const std::string bytes = idx_bytes({2, 3}, {0, 1, 2, 253, 254, 255});
  for (const std::string& file : {bytes, gzip_bytes(bytes)}) {
    const IdxArray array = read(file);
    EXPECT_EQ(array.shape, (std::vector<std::uint32_t>{2, 3}));
    EXPECT_EQ(std::get<0>(array.values), (std::vector<std::uint8_t>{0, 1, 2, 253, 254, 255}));
  }
}

TEST_F(IdxFile, ReadsEveryOtherTypeBigEndian) {
  const auto reals = [&](std::uint8_t type, const std::string& elements) {
    return std::get<1>(read(idx_header(type, {2}) + elements).values);
  };
  using Reals = std::vector<double>;
  using namespace std::string_literals;
  EXPECT_EQ(reals(0x09, "\xff\x7f"s), (Reals{-1, 127}));
  EXPECT_EQ(reals(0x0b, "\xff\xfe\x01\x00"s), (Reals{-2, 256}));
  EXPECT_EQ(reals(0x0c, "\x80\x00\x00\x00\x00\x00\x00\x05"s), (Reals{-2147483648.0, 5}));
  EXPECT_EQ(reals(0x0d, "\x3f\xc0\x00\x00\xc0\x00\x00\x00"s), (Reals{1.5, -2}));
  EXPECT_EQ(reals(0x0e, "\x3f\xf8\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x00"s),
            (Reals{1.5, -2}));
}

TEST_F(IdxFile, RefusesWhatIsNoIdxFile) {
  EXPECT_NE(refusal("").find("not an IDX file"), std::string::npos);
  EXPECT_NE(refusal("label,0\n").find("not an IDX file"), std::string::npos);
  EXPECT_EQ(refusal(idx_header(0x0a, {1}) + "a"),
            "unknown IDX type 0x0a, expected 0x08, 0x09 or 0x0b to 0x0e");
  EXPECT_EQ(refusal(idx_header(0x08, {})), "IDX rank 0, expected at least 1");
}

TEST_F(IdxFile, RefusesAFileOfAnotherLengthThanItsHeaderSays) {
  const std::string bytes = idx_bytes({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(refusal(bytes.substr(0, 9)), "cut short in the IDX header");
  EXPECT_EQ(refusal(bytes.substr(0, bytes.size() - 1)),
            "cut short: the IDX header promises 6 bytes of elements, the file holds 5");
  EXPECT_EQ(refusal(bytes + "x"),
            "bytes to spare: the IDX header promises 6 bytes of elements, the file holds 7");
  EXPECT_EQ(refusal(idx_header(0x0e, {0xffffffff, 0xffffffff})),
            "the IDX header claims more than 2^40 elements");
}

TEST_F(IdxFile, AGzipFileIsBoundByItsHeadersPromise) {
  const std::string bytes = idx_bytes({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(refusal(gzip_bytes(bytes.substr(0, bytes.size() - 1))),
            "cut short: the IDX header promises 6 bytes of elements, the file holds 5");
  EXPECT_EQ(refusal(gzip_bytes(bytes + "x")),
            "bytes to spare: the IDX header promises 6 bytes of elements, the file holds more");
  EXPECT_EQ(refusal(gzip_bytes(idx_header(0x0d, {2}) + std::string(9, '\0'))),
            "bytes to spare: the IDX header promises 8 bytes of elements, the file holds more");
  EXPECT_EQ(refusal(gzip_bytes(idx_header(0x08, {1u << 20, 1u << 20}))),
            "cut short: the IDX header promises 1099511627776 bytes of elements, more than the "
            "gzip file can hold");
  if (GRIDRUN_SANITIZED) return;  // a sanitizer takes more
  const auto bomb = scratch.write("bomb", gzip_bytes(bytes + std::string(60'000'000, '\0')));
  EXPECT_LT(peak_growth([&] { read_idx(IdxReader(bomb)); }), 30 << 20);
}

TEST_F(IdxFile, RefusesRealsThatAreNotFinite) {
  using namespace std::string_literals;
  EXPECT_EQ(refusal(idx_header(0x0d, {2}) + "\x3f\xc0\x00\x00\x7f\x80\x00\x00"s),
            "element 1 is inf, expected a finite number");
}

}  // namespace
}  // namespace gridrun
