#include "data/csv_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "gridrun/error.hpp"
#include "idx_bytes.hpp"
#include "message_of.hpp"
#include "peak_memory.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

class CsvFile : public ::testing::Test {
 protected:
  CsvSamples read(const std::string& text, const CsvLayout& said = {}) {
    return read_csv(scratch.write("data.csv", text), said);
  }

  std::string refusal(const std::string& text, const CsvLayout& said = {}) {
    const std::string message = message_of<RequestError>([&] { read(text, said); });
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
  EXPECT_EQ(refusal("1,2,0\n1,2,0,\n"), "2: 4 fields, expected 3 as before");
  EXPECT_EQ(refusal("a,b,c,label\n1,2,0\n"), "2: 3 fields, expected 4 as before");
  EXPECT_EQ(refusal("1,2,\n1,2,0\n"), "1: field 3 is empty, expected a label");
  EXPECT_EQ(refusal("a,b,label\n\"1\n\",2,0\n1,x,0\n"), "2: field 1 is '1\\n', expected a number");
  EXPECT_EQ(refusal("a,\"b\n\nb\",label\n1,x,0\n"), "4: field 2 is 'x', expected a number");
  EXPECT_EQ(refusal("1,2,0\n1,nan,0\n"), "2: field 2 is nan, expected a finite number");
  EXPECT_EQ(refusal("1,2,0\n-inf,2,0\n"), "2: field 1 is -inf, expected a finite number");
  EXPECT_EQ(refusal("1,2,0\n1e999,2,0\n"), "2: field 1 is '1e999', expected a number");
  EXPECT_EQ(refusal("1,2,0\n\n1,2,0\n"), "2: empty, expected a sample");
  EXPECT_EQ(refusal("7\n"), "1: one field, expected features and a label");
}

TEST_F(CsvFile, RefusesWhatOnlyLooksLikeANumber) {
  for (const char* field :
       {"+-1", "++1", "+", "-", "--1", "- 1", "0x10", "1e", "1;2", "1_0", "1d0", "e5", "."})
    EXPECT_EQ(refusal(std::string("1,2,0\n1,") + field + ",0\n"),
              std::string("2: field 2 is '") + field + "', expected a number");
  EXPECT_EQ(refusal("1,2,0\n1,infinity,0\n"), "2: field 2 is inf, expected a finite number");
}

TEST_F(CsvFile, ReadsFieldsInQuotes) {
  const CsvSamples csv =
      read("\"a,b\",\"c\nd\",\"e\"\"f\"\n\"1\",\"2\" ,\"no, never\"\n1,2,\"a \"\"x\"\"\"\n");
  EXPECT_EQ(csv.values, (std::vector<double>{1, 2, 1, 2}));
  EXPECT_EQ(csv.classes.labels, (std::vector<ClassLabel>{"a \"x\"", "no, never"}));
  EXPECT_EQ(refusal("1,2,0\n1,2\"3,0\n"),
            "2: a quote inside of a field, expected quotes around all of it and doubled in it");
  EXPECT_EQ(refusal("1,2,0\n1,2,\"0\n1,2,0\n"), "2: a quote that is not closed");
}

TEST_F(CsvFile, ReadsAnyLineEndsAndDelimiters) {
  const std::vector<double> values = {1, 2.5, 3, 4};
  for (const char* text :
       {"1,2.5,0\r\n3,4,1\r\n", "1,2.5,0\r3,4,1\r", "1;2.5;0\n3;4;1", "1\t2.5\t0\n3\t4\t1\n",
        "1 2.5 0\n3 4 1\n", "  1  2.5 0  \n 3   4 1\n", "1, 2.5, 0\n3, 4, 1\n"}) {
    const CsvSamples csv = read(text);
    EXPECT_EQ(csv.values, values) << text;
    EXPECT_EQ(csv.labels, (std::vector<std::uint32_t>{0, 1})) << text;
  }
  CsvLayout bars;
  bars.delimiter = '|';
  EXPECT_EQ(read("1|2.5|0\n3|4|1\n", bars).values, values);
  EXPECT_EQ(refusal("1,5;2;0\n1,5;2;1\n"),
            "1: field 1 is '1,5', expected a number with a decimal point");
}

TEST_F(CsvFile, TheLabelMayBeInAnyColumn) {
  CsvLayout said;
  said.label = std::int64_t{1};
  EXPECT_EQ(read("1,2,3\n0,4,5\n", said).values, (std::vector<double>{2, 3, 4, 5}));
  EXPECT_EQ(read("1,2,3\n0,4,5\n", said).labels, (std::vector<std::uint32_t>{1, 0}));
  said.label = "b";
  EXPECT_EQ(read("a,b,c\n1,x,3\n0,y,5\n", said).values, (std::vector<double>{1, 3, 0, 5}));
}

TEST_F(CsvFile, LabelsMayBeAnythingThatSaysAClass) {
  using Labels = std::vector<ClassLabel>;
  const auto classes = [&](const std::vector<std::string>& labels) {
    std::string text;
    for (const std::string& label : labels) text += "7," + label + "\n";
    return read(text);
  };
  const CsvSamples numbers = classes({"3", "-1", "0.5", "3.0", "+3", "1e1"});
  EXPECT_EQ(numbers.classes.labels, (Labels{-1.0, 0.5, 3.0, 10.0}));
  EXPECT_EQ(numbers.labels, (std::vector<std::uint32_t>{2, 0, 1, 2, 2, 3}));
  const CsvSamples texts = classes({"no", "Yes", "10", "9", "no"});
  EXPECT_EQ(texts.classes.labels, (Labels{"10", "9", "Yes", "no"}));
  EXPECT_EQ(texts.labels, (std::vector<std::uint32_t>{3, 2, 0, 1, 3}));
  EXPECT_TRUE(classes({"1", "0", "2", "1"}).classes.are_plain());
  EXPECT_FALSE(classes({"1", "2"}).classes.are_plain());
  EXPECT_EQ(refusal("1,2,0\n1,2,nan\n"), "2: field 3 is nan, expected a label");
  EXPECT_EQ(refusal("1,2,0\n1,2," + std::string(257, 'x') + "\n"),
            "2: field 3 is '" + std::string(80, 'x') +
                "... (257 bytes)', expected a label of at most 256 bytes");
  std::string many;
  for (int i = 0; i <= 65536; ++i) many += "1," + std::to_string(i) + "\n";
  EXPECT_EQ(refusal(many), "65537: more than 65536 different labels in field 2, expected classes");
}

TEST_F(CsvFile, NotesAnIndexThatIsAnInput) {
  const auto notes = [&](const std::string& text) { return read(text).notes; };
  const std::string path = (scratch.path() / "data.csv").string();
  EXPECT_EQ(notes(",a,label\n0,5,0\n1,6,1\n"),
            (std::vector<std::string>{
                path + ": the first column has no name and counts up, as an index does, and is an "
                       "input"}));
  EXPECT_EQ(notes(",a,label\n0,5,0\n2,6,1\n"), std::vector<std::string>());
  EXPECT_EQ(notes("i,a,label\n0,5,0\n1,6,1\n"), std::vector<std::string>());
}

TEST_F(CsvFile, ReadsWhatIsANumber) {
  EXPECT_EQ(read("+1,-0,.5,5.,1E+2,0\n").values, (std::vector<double>{1, 0, 0.5, 5, 100}));
}

TEST_F(CsvFile, ShowsWhatIsWrongInOneShortLine) {
  using namespace std::string_literals;
  EXPECT_EQ(refusal("1,2,0\n1,\0002,0\n"s), "2: field 2 is '\\x002', expected a number");
  EXPECT_EQ(refusal("1,2,0\n1,\x1b[2J\xff,0\n"),
            "2: field 2 is '\\x1b[2J\\xff', expected a number");
  EXPECT_EQ(refusal("1,2,0\n1," + std::string(5'000'000, 'x') + ",0\n"),
            "2: field 2 is '" + std::string(80, 'x') + "... (5000000 bytes)', expected a number");
}

TEST_F(CsvFile, ReadsLinesOfAnyLength) {
  std::string text, line;
  for (int i = 0; i < 200'000; ++i) line += "7,";
  for (int i = 0; i < 3; ++i) text += line + "1\n";
  for (const std::string& bytes : {text, gzip_bytes(text), text.substr(0, text.size() - 1)}) {
    const CsvSamples csv = read(bytes);
    EXPECT_EQ(csv.samples, 3U);
    EXPECT_EQ(csv.values.size(), 600'000U);
    EXPECT_EQ(std::count(csv.values.begin(), csv.values.end(), 7), 600'000);
  }
}

TEST_F(CsvFile, HoldsTheSamplesOnce) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes more";
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "1.5,2,3,4,5,6,7,8,9,10,11,12.25,13,14,15,16,1\n";
  for (const std::string& bytes : {text, gzip_bytes(text)}) {
    const auto path = scratch.write("big.csv", bytes);
    const double samples = 200'000 * (16 * sizeof(double) + sizeof(std::uint32_t));
    EXPECT_LT(peak_growth([&] { read_csv(path); }), 1.25 * samples + (4 << 20));
  }
}

TEST_F(CsvFile, StopsWhenTheProgressIsStopped) {
  Progress progress;
  progress.stop();
  EXPECT_THROW(read_csv(scratch.write("data.csv", "1,2,0\n"), {}, &progress), Interrupted);
}

TEST_F(CsvFile, RefusesAFileWithoutSamples) {
  const std::string none = " no samples, expected features and a label, one sample a line";
  EXPECT_EQ(refusal(""), none);
  EXPECT_EQ(refusal("a,b,label\n"), none);
}

}  // namespace
}  // namespace gridrun
