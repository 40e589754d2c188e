#include "configuration/toml_depth.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

constexpr auto none = std::nullopt;

TEST(TomlDepth, CountsThePartsOfKeysAndHeaders) {
  EXPECT_EQ(line_of_deep_key("", 3), none);
  EXPECT_EQ(line_of_deep_key("a.b.c = 1\n[a.b.c]\n[[a.b.c]]\n", 3), none);
  EXPECT_EQ(line_of_deep_key("a = 1\nb.c.d.e = 2\n", 3), 2U);
  EXPECT_EQ(line_of_deep_key("\n\n[a . b.c. d]\n", 3), 3U);
  EXPECT_EQ(line_of_deep_key("[[a.b.c.d]]\n", 3), 1U);
  EXPECT_EQ(line_of_deep_key("a = { b.c.d.e = 1 }", 3), 1U);
  EXPECT_EQ(line_of_deep_key("'a'.\"b\".c.'d.d' = 1", 3), 1U);
}

TEST(TomlDepth, DotsElsewhereDoNotCount) {
  EXPECT_EQ(line_of_deep_key("a = [1.5, 2.5, 3.5, 4.5]\n", 3), none);
  EXPECT_EQ(line_of_deep_key("# a.b.c.d.e\na.b = 1 # a.b.c.d.e\n", 3), none);
  EXPECT_EQ(line_of_deep_key("a = 'x.x.x.x.x'\nb = \"x.x.\\\".x.x\"\n'a.b.c.d' = 1\n", 3), none);
  EXPECT_EQ(line_of_deep_key("a = \"\"\"\nx.x.x\n\\\"\"\".x.x.x.x\"\"\"\nb.b.b.b = 1", 3), 4U);
  EXPECT_EQ(line_of_deep_key("a = '''x.x.\nx.x'x''.x.x.x\\'''\nb.b.b.b = 1", 3), 3U);
}

TEST(TomlDepth, AStringThatIsNotClosedHidesNothing) {
  EXPECT_EQ(line_of_deep_key("a = 'b\nb.c.d.e = 1", 3), 2U);
  EXPECT_EQ(line_of_deep_key("a = \"b\\", 3), none);
}

}  // namespace
}  // namespace gridrun
