// Both engines, and the exact figures, against trying everything and against values from textbooks.

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/answer.hpp"
#include "analysis/full_set.hpp"
#include "analysis/low_orders.hpp"
#include "system/check.hpp"
#include "tests/support/random_tree.hpp"
#include "tests/unit/analysis/support.hpp"

namespace nospof::analysis {
namespace {

using nospof::test::RandomTree;
using nospof::test::TreeShape;
using test::BruteForce;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t no_end = 1'000'000;

std::vector<CutSet> sorted(std::vector<CutSet> sets) {
  std::ranges::sort(sets);
  return sets;
}

void expect_cut_sets(const FaultTree& tree, const FullSet& full, const BruteForce& all) {
  const LowOrders low = low_orders(tree, 3);
  EXPECT_EQ(full.total().number(), all.minimal_cut_sets().size());
  EXPECT_EQ(low.orders(), 3U);
  const std::vector<Count> counts = full.by_order(tree.events());
  EXPECT_EQ(low.always(), all.occurs(0));
  for (unsigned order = 0; order <= tree.events(); ++order) {
    const std::vector<CutSet> expected = all.minimal_cut_sets(order);
    EXPECT_EQ(counts[order].number(), expected.size()) << "order " << order;
    EXPECT_EQ(sorted(full.list(order, no_end)), expected) << "order " << order;
    for (const CutSet& set : expected) EXPECT_TRUE(full.contains(set));
    if (order < 1 || order > 3) continue;
    EXPECT_EQ(low.count(order), expected.size()) << "order " << order;
    EXPECT_EQ(low.list(order, no_end), expected) << "order " << order;
  }
  EXPECT_EQ(difference(low, full, no_end), std::nullopt);
}

void expect_probabilities(const FaultTree& tree, const FullSet& full, const BruteForce& all) {
  EXPECT_NEAR(full.probability(), all.probability(), 1e-12);
  for (const Importance& one : full.importances()) {
    EXPECT_NEAR(one.birnbaum, all.birnbaum(one.event), 1e-12);
    EXPECT_EQ(one.fussell_vesely.has_value(), tree.coherent() && full.probability() > 0);
    if (one.fussell_vesely) {
      EXPECT_NEAR(*one.fussell_vesely, all.fussell_vesely(one.event), 1e-9);
    }
  }
}

TEST(Engines, BothFindWhatTryingEverythingFindsInTwentyThousandSmallTrees) {
  std::mt19937 random(20261129);
  std::size_t sets = 0;
  for (int i = 0; i < 20'000 && !testing::Test::HasFailure(); ++i) {
    TreeShape shape;
    shape.events = i % 10 == 0 ? 9 : 6;
    shape.gates = 2 + static_cast<unsigned>(i) % 9;
    const FaultTree tree = RandomTree(shape, random).make();
    const BruteForce all(tree);
    SCOPED_TRACE(i);
    const FullSet full(tree);
    expect_cut_sets(tree, full, all);
    expect_probabilities(tree, full, all);
    sets += all.minimal_cut_sets().size();
  }
  EXPECT_GT(sets, 30'000U);
}

TEST(Engines, ProbabilitiesOfTreesThatAreNotCoherentAreExactToo) {
  std::mt19937 random(7);
  int incoherent = 0;
  for (int i = 0; i < 3'000 && !testing::Test::HasFailure(); ++i) {
    TreeShape shape;
    shape.coherent = false;
    const FaultTree tree = RandomTree(shape, random).make();
    SCOPED_TRACE(i);
    expect_probabilities(tree, FullSet(tree), BruteForce(tree));
    if (!tree.coherent()) ++incoherent;
  }
  EXPECT_GT(incoherent, 500);
}

TEST(Engines, MinimalCutSetsOfATreeThatIsNotCoherentAreRefused) {
  TreeBuilder builder("odd");
  builder.top(builder.gate("top", Connective::exclusive, {builder.event("a"), builder.event("b")}));
  const FaultTree tree = std::move(builder).build();
  EXPECT_THROW((void)low_orders(tree, 2), Error);
  EXPECT_THROW((void)FullSet(tree).total(), Error);
  EXPECT_THROW((void)minimal_cut_sets(tree), Error);
}

// Where scram 0.16.2 finds {a} and {b}: tests/program/analyze_test.cpp says why.
TEST(Engines, TwoOfFourThatShareEvents) {
  TreeBuilder builder("shared");
  const auto a = builder.event("a", {.probability = 0.1});
  const auto b = builder.event("b", {.probability = 0.1});
  const auto c = builder.event("c", {.probability = 0.1});
  const auto either = builder.gate("either", Connective::any, {a, c});
  builder.top(builder.at_least("top", 2, {either, a, b, c}));
  const FaultTree tree = std::move(builder).build();
  const FullSet full(tree);
  EXPECT_THAT(full.list(1, no_end), testing::UnorderedElementsAre(CutSet{0}, CutSet{2}));
  EXPECT_EQ(full.total().number(), 2U);
  EXPECT_EQ(low_orders(tree, 3).list(1, no_end), full.list(1, no_end));
  EXPECT_NEAR(full.probability(), 1 - 0.9 * 0.9, 1e-15);
  expect_cut_sets(tree, full, BruteForce(tree));
}

TEST(Engines, TwoOfThreeHasThreePairsAndTheProbabilityOfTheBinomial) {
  const FaultTree tree = test::k_of_n(2, 3, 0.1);
  const FullSet full(tree);
  EXPECT_EQ(low_orders(tree, 3).count(2), 3U);
  EXPECT_EQ(full.total().number(), 3U);
  EXPECT_NEAR(full.probability(), 3 * 0.01 * 0.9 + 0.001, 1e-15);
  // dP/dp of 3p^2 - 2p^3 is 6p - 6p^2, a third of it for each.
  EXPECT_NEAR(full.importances()[0].birnbaum, 2 * 0.1 * 0.9, 1e-15);
}

TEST(Engines, TheBridgeHasTwoPairsAndTwoTriples) {
  const FaultTree tree = test::bridge(0.1);
  const LowOrders low = low_orders(tree, 3);
  std::vector<std::vector<std::string>> found;
  for (const unsigned order : {2U, 3U})
    for (const CutSet& set : low.list(order, 10)) found.push_back(test::names(tree, set));
  EXPECT_THAT(found, ElementsAre(ElementsAre("a", "b"), ElementsAre("d", "e"),
                                 ElementsAre("a", "c", "e"), ElementsAre("b", "c", "d")));
  // 2q^2 + 2q^3 - 5q^4 + 2q^5
  EXPECT_NEAR(FullSet(tree).probability(), 0.02 + 0.002 - 0.0005 + 0.00002, 1e-15);
}

TEST(Engines, ABetaFactorLimitsWhatASecondMachineIsWorth) {
  TreeBuilder builder("pair");
  const auto one = builder.event("db1", {.probability = 0.01});
  const auto two = builder.event("db2", {.probability = 0.01});
  builder.common_cause("rack", {"db1", "db2"}, 0.1);
  builder.top(builder.gate("no database", Connective::all, {one, two}));
  const FaultTree tree = std::move(builder).build();
  // 1 - (1 - beta Q)(1 - ((1 - beta) Q)^2)
  EXPECT_NEAR(FullSet(tree).probability(), 1 - (1 - 0.001) * (1 - 0.009 * 0.009), 1e-15);
  const LowOrders low = low_orders(tree, 2);
  ASSERT_EQ(low.count(1), 1U);
  EXPECT_EQ(tree.name_of(low.list(1, 1)[0][0]), "rack");
  EXPECT_EQ(low.count(2), 1U);
}

TEST(Engines, CountsOfLargeFamiliesAreExactAndNothingIsWrittenDown) {
  const FaultTree tree = test::k_of_n(50, 100, 0.1);
  const FullSet full(tree);
  EXPECT_EQ(full.total().text(), "100891344545564193334812497256");  // 100 over 50
  EXPECT_EQ(full.total().number(), std::nullopt);
  EXPECT_EQ(full.smallest_order(), 50U);
  EXPECT_EQ(full.list(50, 3).size(), 3U);
}

TEST(Engines, TiersInSeriesAddUp) {
  const FaultTree tree = test::tiers(4, 50, 2);
  const LowOrders low = low_orders(tree, 3);
  EXPECT_EQ(low.count(1), 0U);
  EXPECT_EQ(low.count(2), 4U * 50 * 49 / 2);
  EXPECT_EQ(low.count(3), 0U);
  EXPECT_EQ(low.list(2, 7).size(), 7U);
  EXPECT_EQ(difference(low, FullSet(tree), no_end), std::nullopt);
}

TEST(Engines, ATreeThatIsTooLargeForDiagramsIsAnsweredByTryingAlone) {
  AnswerOptions options;
  options.diagram_limits.nodes = 20;
  const FaultTree tree = test::k_of_n(2, 30, 0.1);
  const Answer answer = minimal_cut_sets(tree, options);
  const auto* one = std::get_if<Unconfirmed>(&answer);
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->low->count(2), 435U);
  EXPECT_THAT(one->why, HasSubstr("too large"));
}

TEST(Engines, ASearchThatHasToGiveUpSaysWhichOrdersItKnows) {
  LowOrderLimits limits;
  limits.sets = 10;
  const LowOrders low = low_orders(test::k_of_n(2, 30, 0.1), 3, limits);
  EXPECT_EQ(low.orders(), 1U);
  EXPECT_THAT(low.gave_up(), HasSubstr("more than 10 sets"));
}

TEST(Engines, AnswersThatContradictEachOtherAreADifference) {
  const FaultTree two = test::k_of_n(2, 5, 0.1);
  const FaultTree three = test::k_of_n(3, 5, 0.1);
  EXPECT_THAT(*difference(low_orders(two, 3), FullSet(three), no_end),
              HasSubstr("order 2: 10 minimal cut sets by trying, 0 by diagrams"));
  // As many, but others.
  TreeBuilder left("left");
  TreeBuilder right("right");
  for (TreeBuilder* builder : {&left, &right})
    for (const char* name : {"a", "b", "c"}) builder->event(name);
  left.top(left.gate("", Connective::all, {left.named("a"), left.named("b")}));
  right.top(right.gate("", Connective::all, {right.named("a"), right.named("c")}));
  const FaultTree one = std::move(left).build();
  const FaultTree other = std::move(right).build();
  EXPECT_THAT(*difference(low_orders(one, 3), FullSet(other), no_end),
              HasSubstr("diagrams do not have"));
}

TEST(Engines, ManyLevelsOfVariablesNeedNoDeepStack) {
  TreeBuilder builder("long");
  std::vector<TreeBuilder::Item> pairs;
  const auto shared = builder.event("shared", {.probability = 0.5});
  for (int i = 0; i < 20'000; ++i)
    pairs.push_back(builder.gate(
        "", Connective::all, {builder.event("e" + std::to_string(i), {.probability = 0}), shared}));
  builder.top(builder.gate("top", Connective::any, pairs));
  const FaultTree tree = std::move(builder).build();
  const FullSet full(tree);
  EXPECT_EQ(full.total().number(), 20'000U);
  EXPECT_EQ(full.probability(), 0);
  EXPECT_EQ(low_orders(tree, 2).count(2), 20'000U);
}

}  // namespace
}  // namespace nospof::analysis
