#include "data/class_labels.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

TEST(LabelCodes, NumberDifferentLabelsAsTheyCome) {
  LabelCodes codes;
  EXPECT_EQ(codes.code("b"), 0U);
  EXPECT_EQ(codes.code("a"), 1U);
  EXPECT_EQ(codes.code("b"), 0U);
  EXPECT_EQ(codes.size(), 2U);
  EXPECT_EQ(codes.labels(), (std::vector<ClassLabel>{"b", "a"}));
}

TEST(LabelCodes, TextsAreNumbersOnlyWhereAllAre) {
  LabelCodes codes;
  codes.code("10");
  codes.code("9");
  EXPECT_EQ(codes.labels(), (std::vector<ClassLabel>{10.0, 9.0}));
  codes.code("x");
  EXPECT_EQ(codes.labels(), (std::vector<ClassLabel>{"10", "9", "x"}));
}

TEST(Classes, AreInTheOrderOfTheLabels) {
  LabelCodes codes;
  std::vector<std::uint32_t> labels;
  for (const double label : {3.0, -2.0, 0.5, 3.0, 0.0, -0.0}) labels.push_back(codes.code(label));
  const Classes classes = classes_of(codes, labels);
  EXPECT_EQ(classes.labels, (std::vector<ClassLabel>{-2.0, 0.0, 0.5, 3.0}));
  EXPECT_EQ(labels, (std::vector<std::uint32_t>{3, 0, 2, 3, 1, 1}));
  EXPECT_FALSE(classes.are_plain());
}

TEST(Classes, ArePlainWhereLabelsAreTheirNumbers) {
  EXPECT_TRUE((Classes{{0.0, 1.0, 2.0}}).are_plain());
  EXPECT_FALSE((Classes{{0.0, 2.0}}).are_plain());
  EXPECT_FALSE((Classes{{"0", "1"}}).are_plain());
}

TEST(Classes, AreToldInOneShortLine) {
  EXPECT_EQ((Classes{{"no", "yes"}}).text(), "2 classes: no = 0, yes = 1");
  EXPECT_EQ((Classes{{7.0}}).text(), "1 class: 7 = 0");
  EXPECT_EQ((Classes{{1.0, 2.0, 3.0, 4.0, 5.0, 6.0}}).text(),
            "6 classes: 1 = 0, 2 = 1, 3 = 2, 4 = 3, 5 = 4, 6 = 5");
  EXPECT_EQ((Classes{{1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}}).text(),
            "8 classes: 1 = 0, 2 = 1, 3 = 2, 4 = 3, 5 = 4, ..., 8 = 7");
  EXPECT_EQ((Classes{{"a\nb", std::string(50, 'x')}}).text(),
            "2 classes: a\\nb = 0, " + std::string(40, 'x') + "... (50 bytes) = 1");
}

TEST(ReadNumber, TakesAllOfTheText) {
  double number = 0;
  EXPECT_TRUE(read_number("+2.5e1", number));
  EXPECT_EQ(number, 25);
  for (const char* text : {"", "+", "+-1", "1x", " 1", "0x1"})
    EXPECT_FALSE(read_number(text, number)) << text;
}

}  // namespace
}  // namespace gridrun
