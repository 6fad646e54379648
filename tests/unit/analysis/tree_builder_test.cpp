#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/fault_tree.hpp"
#include "spec/reader.hpp"

namespace nospof::analysis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string why(TreeBuilder builder) {
  try {
    (void)std::move(builder).build();
  } catch (const spec::SpecError& error) {
    return error.what();
  }
  return "";
}

TEST(TreeBuilder, ArgumentsComeBeforeTheGatesThatUseThem) {
  TreeBuilder builder("shop");
  builder.top(builder.gate("top", Connective::any, {builder.named("late"), builder.named("a")}));
  builder.gate("late", Connective::all, {builder.named("a"), builder.named("b")});
  builder.event("b", {.probability = 0.5});
  builder.event("a", {.probability = std::nullopt, .mark = {7, 3}});
  const FaultTree tree = std::move(builder).build();
  ASSERT_EQ(tree.events(), 2U);
  ASSERT_EQ(tree.nodes(), 4U);
  EXPECT_EQ(tree.name_of(0), "a");
  EXPECT_EQ(tree.mark_of(0).line, 7);
  EXPECT_FALSE(tree.probability(0));
  EXPECT_EQ(tree.probability(1), 0.5);
  EXPECT_FALSE(tree.quantified());
  EXPECT_EQ(tree.find("late"), 2U);
  EXPECT_EQ(tree.top(), 3U);
  EXPECT_THAT(tree.arguments(3), ElementsAre(2, 0));
  EXPECT_TRUE(tree.coherent());
}

TEST(TreeBuilder, NamesThatNobodyDefinesAndNamesDefinedTwiceAreErrorsWithTheirPlace) {
  TreeBuilder builder("shop", "shop.xml");
  builder.top(builder.gate("top", Connective::any, {builder.named("web11", {4, 5})}, {0, {3, 1}}));
  builder.event("web1", {.probability = std::nullopt, .mark = {8, 3}});
  builder.event("web1", {.probability = std::nullopt, .mark = {9, 3}});
  const std::string text = why(std::move(builder));
  EXPECT_THAT(text, HasSubstr("shop.xml:4:5: nothing is defined with the name 'web11'; "
                              "did you mean 'web1'?"));
  EXPECT_THAT(text, HasSubstr("shop.xml:9:3: 'web1' is defined twice, first in line 8"));
}

TEST(TreeBuilder, AGateThatDependsOnItselfIsAnErrorThatNamesTheCycle) {
  TreeBuilder builder("shop", "shop.xml");
  const auto inner = builder.gate("", Connective::all, {builder.named("b"), builder.event("x")});
  builder.top(builder.gate("top", Connective::any, {builder.named("a")}, {0, {1, 1}}));
  builder.gate("a", Connective::any, {inner}, {0, {2, 1}});
  builder.gate("b", Connective::any, {builder.named("a")}, {0, {3, 1}});
  EXPECT_EQ(why(std::move(builder)), "shop.xml:2:1: gate 'a' depends on itself: 'a' -> 'b' -> 'a'");
}

TEST(TreeBuilder, WrongNumbersAreErrors) {
  TreeBuilder builder("shop");
  const auto a = builder.event("a", {.probability = 1.5});
  const auto b = builder.event("b");
  builder.at_least("many", 3, {a, b});
  builder.at_least("none", 0, {a, b});
  builder.at_least("same", 1, {a, a});
  builder.gate("odd", Connective::exclusive, {a});
  builder.gate("not", Connective::negation, {a, b});
  builder.common_cause("rack", {"a", "c"}, 1.5);
  const std::string text = why(std::move(builder));
  EXPECT_THAT(text, HasSubstr("fault tree 'shop': event 'a' has probability 1.5; expected 0 to 1"));
  EXPECT_THAT(text, HasSubstr("gate 'many' wants 3 of 2 arguments; expected 1 to 2"));
  EXPECT_THAT(text, HasSubstr("gate 'none' wants 0 of 2 arguments"));
  EXPECT_THAT(text, HasSubstr("gate 'same' has 'a' as an argument twice"));
  EXPECT_THAT(text, HasSubstr("gate 'odd' has 1 arguments; 'xor' takes two"));
  EXPECT_THAT(text, HasSubstr("gate 'not' has 2 arguments; 'not' takes one"));
  EXPECT_THAT(text, HasSubstr("common cause 'rack' has beta 1.5; expected 0 to 1"));
  EXPECT_THAT(text, HasSubstr("common cause 'rack' has the member 'c', which is no event"));
  EXPECT_THAT(text, HasSubstr("no gate or event was said to be the top event"));
}

TEST(TreeBuilder, ACommonCauseIsSplitIntoAnEventForEachAloneAndOneForAll) {
  TreeBuilder builder("shop");
  const auto db1 = builder.event("db1", {.probability = 0.01});
  const auto db2 = builder.event("db2", {.probability = 0.01});
  builder.common_cause("rack", {"db1", "db2"}, 0.1);
  builder.top(builder.gate("no database", Connective::all, {db1, db2}));
  const FaultTree tree = std::move(builder).build();
  ASSERT_EQ(tree.common_causes().size(), 1U);
  const CommonCause& rack = tree.common_causes().front();
  EXPECT_EQ(tree.name_of(rack.shared), "rack");
  EXPECT_THAT(rack.members, ElementsAre(*tree.find("db1"), *tree.find("db2")));
  EXPECT_DOUBLE_EQ(*tree.probability(rack.shared), 0.001);
  EXPECT_DOUBLE_EQ(*tree.probability(rack.members[0]), 0.009);
  for (const NodeId argument : tree.arguments(tree.top())) {
    EXPECT_EQ(tree.connective(argument), Connective::any);
    EXPECT_EQ(tree.arguments(argument)[1], rack.shared);
  }
}

TEST(TreeBuilder, ADeepTreeNeedsNoDeepStack) {
  TreeBuilder builder("deep");
  auto below = builder.event("leaf");
  for (int i = 0; i < 300'000; ++i) below = builder.gate("", Connective::any, {below});
  builder.top(below);
  EXPECT_EQ(std::move(builder).build().nodes(), 300'001U);
}

}  // namespace
}  // namespace nospof::analysis
