#include "csv_file.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

class CsvFile : public ::testing::Test {
 protected:
  CsvSamples read(const std::string& text) { return read_csv(scratch.write("data.csv", text)); }

  std::string refusal(const std::string& text) {
    const std::string message = message_of<RequestError>([&] { read(text); });
    const std::string path = (scratch.path() / "data.csv").string() + ":";
    EXPECT_EQ(message.find(path), 0U) << message;
    return message.substr(path.size());
  }

  ScratchDirectory scratch;
};

TEST_F(CsvFile, ReadsFeaturesAndThenTheLabel) {
  const CsvSamples csv = read("1,-2.5,0\n3e2, +4 ,1\n");
  EXPECT_EQ(csv.samples, 2U);
  EXPECT_EQ(csv.inputs, 2U);
  EXPECT_EQ(csv.values, (std::vector<double>{1, -2.5, 300, 4}));
  EXPECT_EQ(csv.labels, (std::vector<std::uint32_t>{0, 1}));
}

TEST_F(CsvFile, PassesOverAHeaderAMarkAndBlankLinesAtTheEnd) {
  for (const char* text : {"a,b,label\n1,2,0\n",
                           "\xef\xbb\xbf"
                           "a,b,label\r\n1,2,0\r\n\r\n",
                           "1,2,0"}) {
    const CsvSamples csv = read(text);
    EXPECT_EQ(csv.samples, 1U) << text;
    EXPECT_EQ(csv.values, (std::vector<double>{1, 2})) << text;
  }
}

TEST_F(CsvFile, NamesTheLineThatIsWrong) {
  EXPECT_EQ(refusal("1,2,0\n1,2,3,0\n"), "2: 4 fields, expected 3 as before");
  EXPECT_EQ(refusal("a,b,label\n1,2,0\n1,0\n"), "3: 2 fields, expected 3 as before");
  EXPECT_EQ(refusal("1,2,0\n1,x,0\n"), "2: field 2 is 'x', expected a number");
  EXPECT_EQ(refusal("1,2,0\n1,,0\n"), "2: field 2 is '', expected a number");
  EXPECT_EQ(refusal("1,x,0\n1,2,0\n"), "1: field 2 is 'x', expected a number");
  EXPECT_EQ(refusal("1,2,0\n1,2,0,\n"), "2: field 4 is '', expected a number");
  EXPECT_EQ(refusal("1,2,0\n1,nan,0\n"), "2: field 2 is nan, expected a finite number");
  EXPECT_EQ(refusal("1,2,0\n-inf,2,0\n"), "2: field 1 is -inf, expected a finite number");
  EXPECT_EQ(refusal("1,2,0\n1e999,2,0\n"), "2: field 1 is '1e999', expected a number");
  EXPECT_EQ(refusal("1,2,0\n\n1,2,0\n"), "2: empty, expected a sample");
  EXPECT_EQ(refusal("7\n"), "1: one field, expected features and then a label");
}

TEST_F(CsvFile, RefusesLabelsThatAreNoClassNumbers) {
  for (const char* label : {"-1", "0.5", "65536"})
    EXPECT_EQ(refusal(std::string("1,2,0\n1,2,") + label + "\n"),
              std::string("2: label ") + label + ", expected a class number 0 to 65535");
}

TEST_F(CsvFile, RefusesAFileWithoutSamples) {
  EXPECT_EQ(refusal(""), " no samples");
  EXPECT_EQ(refusal("a,b,label\n"), " no samples");
}

}  // namespace
}  // namespace gridrun
