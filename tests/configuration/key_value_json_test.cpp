#include "configuration/key_value_json.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "gridrun/error.hpp"
#include "message_of.hpp"

namespace gridrun {
namespace {

using Integers = std::vector<std::int64_t>;

TEST(KeyValueJson, KeepsTheKindAndTheValue) {
  for (const KeyValue& value :
       {KeyValue(std::numeric_limits<std::int64_t>::min()), KeyValue(std::int64_t{50}),
        KeyValue(50.0), KeyValue(0.1), KeyValue(1e300), KeyValue(true), KeyValue(false),
        KeyValue(std::string()), KeyValue(std::string("a \"b\"\n")), KeyValue(Integers()),
        KeyValue(Integers{784, -30, std::numeric_limits<std::int64_t>::max()})})
    EXPECT_EQ(from_json(nlohmann::json::parse(to_json(value).dump())), value) << text_of(value);
}

TEST(KeyValueJson, RefusesWhatIsNoValue) {
  for (const char* text : {"null", "{}", "[1, 2.5]", "[\"a\"]", "[[1]]", "[true]",
                           "9223372036854775808", "[9223372036854775808]"}) {
    const std::string message =
        message_of<RequestError>([&] { from_json(nlohmann::json::parse(text)); });
    EXPECT_EQ(message.rfind(nlohmann::json::parse(text).dump() + " is no value of a key; ", 0), 0)
        << message;
  }
}

TEST(KeyValueJson, HasAShortText) {
  EXPECT_EQ(text_of(std::int64_t{-7}), "-7");
  EXPECT_EQ(text_of(0.1), "0.1");
  EXPECT_EQ(text_of(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(text_of(true), "true");
  EXPECT_EQ(text_of(std::string("a b")), "a b");
  EXPECT_EQ(text_of(Integers{784, 30, 10}), "[784,30,10]");
  EXPECT_EQ(text_of(Integers{}), "[]");
}

}  // namespace
}  // namespace gridrun
