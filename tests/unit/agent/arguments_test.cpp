#include "agent/arguments.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::agent {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Arguments arguments(const char* text) {
  return Arguments(json::parse(text).as_object());
}

TEST(Arguments, ReadsWhatIsThere) {
  Arguments read = arguments(R"({"a":"x","n":7,"o":{"k":1},"l":["p","q"]})");
  EXPECT_EQ(read.text("a"), "x");
  EXPECT_EQ(read.milliseconds("n", 1ms, 10ms), 7ms);
  EXPECT_EQ(read.object("o").at("k").as_int64(), 1);
  EXPECT_EQ(read.texts("l", 2), std::vector<std::string>({"p", "q"}));
  EXPECT_EQ(read.optional_text("z"), std::nullopt);
  EXPECT_NO_THROW(read.finish());
}

TEST(Arguments, NamesTheFieldThatNobodyRead) {
  Arguments read = arguments(R"({"a":"x","surplus":1})");
  read.text("a");
  EXPECT_THAT([&] { read.finish(); }, ThrowsMessage<Error>(HasSubstr("'surplus'")));
}

TEST(Arguments, RefusesWrongTypesAndRanges) {
  const char* text = R"({"t":5,"empty":"","n":"7","f":1.5,"big":18446744073709551615,"small":-1,
                        "o":[],"l":"x","none":[],"mixed":["a",1],"long":["a","b","c"],
                        "nul":["a\u0000b"]})";
  EXPECT_THROW(arguments(text).text("t"), Error);
  EXPECT_THROW(arguments(text).text("empty"), Error);
  EXPECT_THROW(arguments(text).optional_text("t"), Error);
  EXPECT_THROW(arguments(text).text("missing"), Error);
  for (const char* name : {"n", "f", "big", "small", "missing"})
    EXPECT_THROW(arguments(text).integer(name, 0, 100), Error) << name;
  EXPECT_THROW(arguments(text).object("o"), Error);
  for (const char* name : {"l", "none", "mixed", "long", "nul", "missing"})
    EXPECT_THROW(arguments(text).texts(name, 2), Error) << name;
}

}  // namespace
}  // namespace nospof::agent
