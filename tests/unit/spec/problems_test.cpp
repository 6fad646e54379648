#include "spec/problems.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof::spec {
namespace {

using testing::HasSubstr;

const std::vector<std::string> keys = {"address", "zone", "transport", "services", "observer"};

TEST(DidYouMean, FindsTheNearest) {
  EXPECT_EQ(did_you_mean("adress", keys), "; did you mean 'address'?");
  EXPECT_EQ(did_you_mean("addresses", keys), "; did you mean 'address'?");
  EXPECT_EQ(did_you_mean("zoen", keys), "; did you mean 'zone'?");
  EXPECT_EQ(did_you_mean("Zone", keys), "; did you mean 'zone'?");
  EXPECT_EQ(did_you_mean("ZONE", keys), "; did you mean 'zone'?");
  EXPECT_EQ(did_you_mean("service", keys), "; did you mean 'services'?");
  EXPECT_EQ(did_you_mean("lb.vip-ower", {"lb", "lb.vip-owner"}), "; did you mean 'lb.vip-owner'?");
}

TEST(DidYouMean, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(did_you_mean("gateway", keys), "");
  EXPECT_EQ(did_you_mean("", keys), "");
  EXPECT_EQ(did_you_mean("x", {"a"}), "");
  EXPECT_EQ(did_you_mean("zone", {}), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, 'a'), keys), "");
}

TEST(Quote, IsFitForATerminal) {
  EXPECT_EQ(quote("lb1"), "'lb1'");
  EXPECT_EQ(quote(""), "''");
  EXPECT_EQ(quote("\x1b[31mred\n"), "'\\x1b[31mred\\x0a'");
  EXPECT_EQ(quote("caf\xc3\xa9"), "'caf\xc3\xa9'");
  EXPECT_EQ(quote(std::string(60, 'a')), "'" + std::string(60, 'a') + "'");
  EXPECT_EQ(quote(std::string(61, 'a')), "'" + std::string(60, 'a') + "...'");
}

TEST(Quote, CutsNoCharacterInTwo) {
  const std::string text = std::string(59, 'a') + "\xc3\xa9" + std::string(9, 'b');
  EXPECT_EQ(quote(text), "'" + std::string(59, 'a') + "\xc3\xa9...'");
}

TEST(Either, ReadsAsASentence) {
  EXPECT_EQ(either({}), "none");
  EXPECT_EQ(either({"a"}), "a");
  EXPECT_EQ(either({"a", "b"}), "a or b");
  EXPECT_EQ(either({"a", "b", "c"}), "a, b or c");
}

TEST(ProblemText, HasThePlaceIfThereIsOne) {
  EXPECT_EQ((Problem{"a.yaml", {12, 5}, "wrong"}.text()), "a.yaml:12:5: wrong");
  EXPECT_EQ((Problem{"a.yaml", {}, "cannot be read"}.text()), "a.yaml: cannot be read");
}

TEST(CollectedProblems, AreSortedWithinTheirFiles) {
  Problems problems;
  EXPECT_NO_THROW(problems.raise());
  problems.add("b.yaml", {3, 1}, "third");
  problems.add("b.yaml", {1, 9}, "second");
  problems.add("a.yaml", {1, 1}, "fourth");
  problems.add("b.yaml", {1, 2}, "first");
  problems.add("b.yaml", {1, 2}, "first");
  try {
    problems.raise();
    FAIL() << "nothing was thrown";
  } catch (const SpecError& error) {
    EXPECT_STREQ(error.what(),
                 "b.yaml:1:2: first\nb.yaml:1:9: second\nb.yaml:3:1: third\na.yaml:1:1: fourth");
    EXPECT_EQ(error.problems().size(), 4U);
  }
}

TEST(CollectedProblems, AreCountedBeyondAHundred) {
  Problems problems;
  for (int line = 1; line <= 250; ++line) problems.add("a.yaml", {line, 1}, "wrong");
  EXPECT_EQ(problems.size(), 250U);
  try {
    problems.raise();
    FAIL() << "nothing was thrown";
  } catch (const SpecError& error) {
    EXPECT_EQ(error.problems().size(), Problems::most + 1);
    EXPECT_THAT(error.problems().back().message, HasSubstr("150 more problems"));
  }
}

}  // namespace
}  // namespace nospof::spec
