// What topologies look for in what programs print.

#include "spec/pattern.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::spec {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Pattern, IsFoundAnywhere) {
  EXPECT_TRUE(found_in("state: leader\n", "leader"));
  EXPECT_TRUE(found_in("members 3\n", "^members [3-9]"));
  EXPECT_FALSE(found_in("state: replica\n", "leader|master"));
}

TEST(Pattern, HasTheEndsOfTheWholeTextAndDotsWithinALine) {
  EXPECT_FALSE(found_in("a\nb\n", "^b"));
  EXPECT_FALSE(found_in("a\nb\n", "^a$"));
  EXPECT_FALSE(found_in("a\nb\n", "a.b"));
  EXPECT_TRUE(found_in("a\nb", "a\\nb$"));
}

// As much as an agent hands over of what a program prints.
TEST(Pattern, CopesWithALongText) {
  const std::string text = std::string(256 * 1024, 'x') + "z";
  EXPECT_TRUE(found_in(text, "z$"));
  EXPECT_TRUE(found_in(text, "(x|y)z"));
  EXPECT_FALSE(found_in(text, "leader"));
}

TEST(Pattern, RefusesASearchWithoutEnd) {
  const std::string text(256 * 1024, 'x');
  EXPECT_THROW(found_in(text, "(x|y)*z"), Error);
  EXPECT_THROW(found_in(text, "(x+x+)+y"), Error);
  try {
    found_in(text, "(x+x+)+y");
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("looking for /(x+x+)+y/ in 262144 bytes: "));
  }
}

TEST(Pattern, SaysWhatIsWrongWithAnExpression) {
  EXPECT_THAT(fault_of_expression("a|(b"), Not(IsEmpty()));
  EXPECT_THAT(fault_of_expression("[z-a]"), Not(IsEmpty()));
  EXPECT_THAT(fault_of_expression("^(leader|master)$"), IsEmpty());
  // As long as one may be.
  EXPECT_NO_THROW(fault_of_expression(std::string(250, '(') + std::string(250, ')')));
}

}  // namespace
}  // namespace nospof::spec
