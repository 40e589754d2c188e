#include "data/csv_layout.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "message_of.hpp"

namespace gridrun {
namespace {

CsvRow row_of(const std::vector<std::string>& fields) {
  CsvRow row;
  for (const std::string& field : fields) row.add(field);
  return row;
}

FoundLayout layout_of(const std::vector<std::string>& first, const std::vector<std::string>& second,
                      const CsvLayout& said = {}) {
  return find_layout("my.csv", said, ',', row_of(first), row_of(second));
}

bool has_header(const std::vector<std::string>& first, const std::vector<std::string>& second) {
  return layout_of(first, second).has_header;
}

char delimiter_of(const std::string& text) {
  DelimiterSearch search("my.csv", std::nullopt);
  if (search.parse(text)) search.finish();
  return search.delimiter();
}

TEST(CsvRow, GivesItsFieldsBack) {
  const CsvRow row = row_of({"", "abc", "", "d"});
  ASSERT_EQ(row.size(), 4U);
  EXPECT_EQ(row[0], "");
  EXPECT_EQ(row[1], "abc");
  EXPECT_EQ(row[2], "");
  EXPECT_EQ(row[3], "d");
}

TEST(CsvLayout, AHeaderIsNamesWithoutNumbers) {
  EXPECT_TRUE(has_header({"a", "b", "label"}, {"1", "2", "0"}));
  EXPECT_TRUE(has_header({"a", "b", "species"}, {"1", "2", "setosa"}));
  EXPECT_TRUE(has_header({"", "a", "b"}, {"0", "1", "2"}));
  EXPECT_FALSE(has_header({"1", "2", "0"}, {"1", "2", "0"}));
  EXPECT_FALSE(has_header({"5.1", "3.5", "setosa"}, {"4.9", "3", "setosa"}));
  EXPECT_FALSE(has_header({"5.1", "3.5", "setosa"}, {}));
  EXPECT_FALSE(has_header({"1", "x", "0"}, {"1", "2", "0"})) << "a broken sample";
}

TEST(CsvLayout, AHeaderMayCountUpFromZero) {
  EXPECT_TRUE(has_header({"0", "1", "2", "3"}, {"0.5", "7", "2", "1"}));
  EXPECT_TRUE(has_header({"", "0", "1", "2"}, {"0", "7", "2", "1"}));
  EXPECT_TRUE(has_header({"0", "1", "target"}, {"5", "6", "1"}));
  EXPECT_TRUE(has_header({"0", "1", "target"}, {"5", "6", "yes"}));
  EXPECT_FALSE(has_header({"0", "1", "setosa"}, {"5", "6", "virginica"}));
  EXPECT_FALSE(has_header({"0", "1"}, {"5", "0"})) << "two columns are too few";
  EXPECT_FALSE(has_header({"1", "2", "3"}, {"5", "6", "1"}));
  EXPECT_FALSE(has_header({"0", "1", "3"}, {"5", "6", "1"}));
  EXPECT_FALSE(has_header({"0.0", "1.0", "2.0"}, {"5", "6", "1"}));
  EXPECT_EQ(
      layout_of({"0", "1", "2", "3"}, {"0.5", "7", "2", "1"}).notes,
      (std::vector<std::string>{"my.csv: the first line, which counts up, is taken for a header"}));
}

TEST(CsvLayout, WhatIsSaidHolds) {
  CsvLayout said;
  said.header = false;
  EXPECT_FALSE(layout_of({"0", "1", "2", "3"}, {"0.5", "7", "2", "1"}, said).has_header);
  EXPECT_TRUE(layout_of({"0", "1", "2", "3"}, {"0.5", "7", "2", "1"}, said).notes.empty());
  said.header = true;
  EXPECT_TRUE(layout_of({"7", "8", "9"}, {"0.5", "7", "1"}, said).has_header);
}

TEST(CsvLayout, TheLabelIsTheColumnOfItsNameOrTheLast) {
  const auto label = [](const std::vector<std::string>& names) {
    return layout_of(names, std::vector<std::string>(names.size(), "1")).label;
  };
  EXPECT_EQ(label({"a", "b", "c"}), 2U);
  EXPECT_EQ(label({"a", "Species", "c"}), 1U);
  EXPECT_EQ(label({"label", "pixel0", "pixel1"}), 0U);
  EXPECT_EQ(label({"class", "b", "y"}), 2U) << "the last of several";
  EXPECT_EQ(layout_of({"5", "6", "7"}, {"1", "2", "3"}).label, 2U);
  EXPECT_EQ(message_of<RequestError>([&] {
              label({"class", "target", "c"});
            }),
            "my.csv: labels in column class or in target, expected dataset.label");
}

TEST(CsvLayout, TheLabelMayBeSaid) {
  CsvLayout said;
  said.header = true;
  const auto label = [&](const KeyValue& column) {
    said.label = column;
    return layout_of({"a", "b", "2", "label"}, {"1", "2", "3", "4"}, said).label;
  };
  EXPECT_EQ(label(std::int64_t{2}), 1U);
  EXPECT_EQ(label("2"), 2U) << "a text is a name";
  EXPECT_EQ(message_of<RequestError>([&] { label(std::int64_t{5}); }),
            "dataset.label = 5: my.csv has 4 columns");
  EXPECT_EQ(message_of<RequestError>([&] { label("A"); }),
            "dataset.label = \"A\": my.csv has the columns a, b, 2, label");
  said.header = false;
  EXPECT_EQ(message_of<RequestError>([&] { label("a"); }),
            "dataset.label = \"a\": my.csv has no header, expected the number of a column");
}

TEST(DelimiterSearch, TakesTheFirstThatSplitsBothRowsAlike) {
  EXPECT_EQ(delimiter_of("1,2,3\n4,5,6\n"), ',');
  EXPECT_EQ(delimiter_of("1;2;3\n4;5;6\n"), ';');
  EXPECT_EQ(delimiter_of("1,5;2;3\n4,5;5;6\n"), ';') << "commas are the decimal points";
  EXPECT_EQ(delimiter_of("1\t2\t3\n4\t5\t6\n"), '\t');
  EXPECT_EQ(delimiter_of("1 2 3\n4 5 6\n"), ' ');
  EXPECT_EQ(delimiter_of("petal width,class;of\n5,6\n"), ',');
  EXPECT_EQ(delimiter_of("\"a;b\",c\n5,6\n"), ',') << "what is in quotes splits nothing";
}

TEST(DelimiterSearch, TakesWhatSplitsTheFirstRowWhereTheSecondIsOther) {
  EXPECT_EQ(delimiter_of("1,2,3\n4,5\n"), ',');
  EXPECT_EQ(delimiter_of("1;2;3"), ';');
  EXPECT_EQ(delimiter_of("7\n"), ',');
  EXPECT_EQ(delimiter_of(""), ',');
}

TEST(DelimiterSearch, ReadsOnUntilTwoRowsAreWhole) {
  DelimiterSearch search("my.csv", std::nullopt);
  EXPECT_TRUE(search.parse("1;2\n3"));
  EXPECT_TRUE(search.parse(";4"));
  EXPECT_FALSE(search.parse("\n"));
  EXPECT_EQ(search.delimiter(), ';');
}

}  // namespace
}  // namespace gridrun
