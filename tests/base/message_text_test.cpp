#include "base/message_text.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

using namespace std::string_literals;

TEST(MessageText, OrdinaryTextStays) {
  for (const char* text : {"", "data/my.csv", "a\\b 'c' \"d\"", "größe", "数据", "\U0001f600"})
    EXPECT_EQ(escaped(text), text);
}

TEST(MessageText, WhatBreaksALineIsEscaped) {
  EXPECT_EQ(escaped("a\nb\rc\td"), "a\\nb\\rc\\td");
  EXPECT_EQ(escaped("\x1b[31m\x7f\0."s), "\\x1b[31m\\x7f\\x00.");
  EXPECT_EQ(escaped("\u0085|\u009b|\u2028|\u202e|\u2066"), "\\x85|\\x9b|\\u2028|\\u202e|\\u2066");
}

TEST(MessageText, WhatIsNotUtf8IsEscaped) {
  EXPECT_EQ(escaped("\xff\x80"), "\\xff\\x80");
  EXPECT_EQ(escaped("\xc3"), "\\xc3") << "cut short";
  EXPECT_EQ(escaped("\xe2\x82z"), "\\xe2\\x82z") << "cut short";
  EXPECT_EQ(escaped("\xc0\xaf\xe0\x80\x8a"), "\\xc0\\xaf\\xe0\\x80\\x8a") << "longer than needed";
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair";
  EXPECT_EQ(escaped("\xf4\x90\x80\x80\xf5"), "\\xf4\\x90\\x80\\x80\\xf5") << "past the last";
}

TEST(MessageText, EscapedTextStays) {
  const std::string once = escaped("a\n\x1b\xff");
  EXPECT_EQ(escaped(once), once);
}

TEST(MessageText, ExcerptsAreCutBetweenCharacters) {
  EXPECT_EQ(excerpt(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(excerpt(std::string(81, 'x')), std::string(80, 'x') + "... (81 bytes)");
  EXPECT_EQ(excerpt("aé", 2), "a... (3 bytes)");
  EXPECT_EQ(excerpt("aé", 3), "aé");
  EXPECT_EQ(excerpt("a\x1bz", 4), "a... (3 bytes)");
}

TEST(MessageText, LongPathsLoseTheirMiddle) {
  const std::string longest = "/" + std::string(199, 'd');
  EXPECT_EQ(path_text(longest), longest);
  const std::string text = path_text("/first/" + std::string(4000, 'd') + "/last\n.csv");
  EXPECT_EQ(text.find("/first/d"), 0U);
  EXPECT_EQ(text.substr(text.size() - 12), "d/last\\n.csv");
  EXPECT_LE(text.size(), 210U);
}

TEST(MessageText, PathsAreCutBetweenCharacters) {
  std::string text = "a";
  for (int i = 0; i < 200; ++i) text += "é";
  EXPECT_EQ(path_text(text).find('\\'), std::string::npos) << path_text(text);
}

}  // namespace
}  // namespace gridrun
