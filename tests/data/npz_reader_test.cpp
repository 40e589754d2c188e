#include "data/npz_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "npz_bytes.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

class NpzReaderTest : public ::testing::Test {
 protected:
  void write(const std::string& array, bool is_deflated = false) {
    write_npz(path, {{"other", npy_bytes("|u1", "(1,)", "\7")}, {"a", array}}, is_deflated);
  }

  std::vector<double> reals(const std::string& array, bool is_deflated = false) {
    write(array, is_deflated);
    NpzReader file(path);
    std::vector<double> values(file.open("a").size);
    file.read_reals(values.data());
    return values;
  }

  std::vector<std::string> texts(const std::string& array) {
    write(array);
    NpzReader file(path);
    file.open("a");
    std::vector<std::string> all;
    file.read_texts([&](const std::string& text) { all.push_back(text); });
    return all;
  }

  std::string refusal(const std::string& array) {
    const std::string message = message_of<RequestError>([&] { reals(array); });
    const std::string place = path.string() + ": a: ";
    EXPECT_EQ(message.find(place), 0U) << message;
    return message.substr(std::min(place.size(), message.size()));
  }

  ScratchDirectory scratch;
  const std::filesystem::path path = scratch.path() / "a.npz";
};

TEST_F(NpzReaderTest, ReadsEveryTypeOfNumber) {
  const std::vector<double> values = {1, 2, 3};
  const auto of = [&]<typename Number>(const char* type, Number) {
    return reals(npy_bytes(type, "(3,)", bytes_of(std::vector<Number>{1, 2, 3})));
  };
  EXPECT_EQ(of("|u1", std::uint8_t{}), values);
  EXPECT_EQ(of("|i1", std::int8_t{}), values);
  EXPECT_EQ(of("<u2", std::uint16_t{}), values);
  EXPECT_EQ(of("<i2", std::int16_t{}), values);
  EXPECT_EQ(of("<u4", std::uint32_t{}), values);
  EXPECT_EQ(of("<i4", std::int32_t{}), values);
  EXPECT_EQ(of("<u8", std::uint64_t{}), values);
  EXPECT_EQ(of("<i8", std::int64_t{}), values);
  EXPECT_EQ(of("<f4", float{}), values);
  EXPECT_EQ(of("<f8", double{}), values);
  EXPECT_EQ(reals(npy_bytes("<i2", "(1,)", "\xfe\xff")), std::vector<double>{-2});
  EXPECT_EQ(reals(npy_bytes(">i2", "(1,)", "\xff\xfe")), std::vector<double>{-2});
  EXPECT_EQ(reals(npy_bytes("|b1", "(2,)", std::string("\1\0", 2))), (std::vector<double>{1, 0}));
}

TEST_F(NpzReaderTest, ReadsStoredAndDeflatedArraysOfAnySize) {
  std::vector<double> values(300'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 1000);
  const std::string array = npy_bytes("<f8", "(300000,)", bytes_of(values));
  EXPECT_EQ(reals(array), values);
  EXPECT_EQ(reals(array, true), values);
}

TEST_F(NpzReaderTest, PutsFortransOrderRight) {
  const std::string elements = bytes_of(std::vector<std::uint8_t>{
      0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23});
  std::vector<double> counting(24);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<double>(i);
  EXPECT_EQ(reals(npy_bytes("|u1", "(2, 3, 4)", elements, true)), counting);
}

TEST_F(NpzReaderTest, ReadsTexts) {
  EXPECT_EQ(texts(npy_bytes("|S3", "(2,)", std::string("ab\0xyz", 6))),
            (std::vector<std::string>{"ab", "xyz"}));
  EXPECT_EQ(texts(npy_bytes("<U2", "(2,)", bytes_of(std::vector<char32_t>{U'é', 0, U'a', U'€'}))),
            (std::vector<std::string>{"é", "a€"}));
  EXPECT_EQ(texts(npy_bytes(">U1", "(1,)", std::string("\0\1\xf4\0", 4))),
            (std::vector<std::string>{"\xf0\x9f\x90\x80"}));
}

TEST_F(NpzReaderTest, NamesTheArrayThatIsWrong) {
  EXPECT_EQ(refusal("abcdefghijk"), "not an array in the .npy format");
  EXPECT_EQ(refusal(npy_bytes("|O", "(1,)", "12345678")),
            "elements of the type '|O', expected whole numbers, reals of 32 or 64 bits, or texts");
  for (const char* type : {"<f2", "<f16", "<c8", "<M8[ns]", "|b2", "<U0", "|S2000"})
    EXPECT_EQ(refusal(npy_bytes(type, "(1,)", "12345678")).find("elements of the type "), 0U);
  EXPECT_EQ(refusal(npy_bytes("<f8", "(2,)", "12345678")),
            "cut short: its header promises 16 bytes of elements, it holds 8");
  EXPECT_EQ(refusal(npy_bytes("|u1", "(2,)", "123")),
            "bytes to spare: its header promises 2 bytes of elements, it holds 3");
  EXPECT_EQ(refusal(npy_bytes("|u1", "(2", "12")), "a header without fortran_order and shape");
  EXPECT_EQ(refusal(npy_bytes("|u1", "(2000000000, 2000000000)", "12")),
            "its header claims more than 2^40 elements");
  EXPECT_EQ(refusal(npy_bytes("<f8", "(1,)", bytes_of(std::vector<double>{HUGE_VAL}))),
            "element 0 is inf, expected a finite number");
  EXPECT_EQ(refusal(npy_bytes("|u1", "(2,)", "12").substr(0, 30)), "cut short in its header");
}

TEST_F(NpzReaderTest, RefusesWhatIsNoArchive) {
  EXPECT_EQ(message_of<RequestError>([&] { NpzReader(path.string() + "none"); }),
            path.string() + "none: cannot open: No such file or directory");
  scratch.write("a.npz", "1,2,3\n");
  EXPECT_EQ(message_of<RequestError>([&] { NpzReader file(path); }),
            path.string() + ": not a zip archive, expected an NPZ file");
  EXPECT_EQ(message_of<RequestError>([&] {
              NpzReader file(scratch.path());
            }).find(scratch.path().string() + ": "),
            0U);
}

TEST_F(NpzReaderTest, SeesDamage) {
  for (const bool is_deflated : {false, true}) {
    std::vector<std::uint8_t> values(1000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i);
    write(npy_bytes("|u1", "(1000,)", bytes_of(values)), is_deflated);
    std::string bytes = contents_of(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    scratch.write("a.npz", bytes);
    const std::string message = message_of<RequestError>([&] {
      NpzReader file(path);
      file.open("a");
      file.read_bytes(values.data());
    });
    EXPECT_EQ(message.find(path.string() + ": a: corrupt"), 0U) << message;
  }
}

TEST_F(NpzReaderTest, StopsWhenTheProgressIsStopped) {
  write(npy_bytes("|u1", "(1,)", "1"));
  Progress progress;
  NpzReader file(path, &progress);
  progress.stop();
  EXPECT_THROW(file.open("a"), Interrupted);
}

}  // namespace
}  // namespace gridrun
