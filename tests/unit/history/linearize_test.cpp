#include "history/linearize.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "history/minimise.hpp"
#include "tests/unit/history/support.hpp"

namespace nospof::history::test {
namespace {

constexpr unsigned seed = 20260101;

TEST(Linearize, NothingIsLinearizable) {
  EXPECT_EQ(linearize({}, {}).verdict, Verdict::ok);
}

TEST(Linearize, SaysWhichReturnCannotBeExplained) {
  // In any order: the answer is an index into what was given.
  const std::vector<Operation> operations{
      operation(1, "read 2", 8, 9), operation(0, "read 1", 4, 5), operation(0, "write 2", 2, 3),
      operation(0, "write 1", 0, 1)};
  const Linearization found = linearize(operations, {});
  EXPECT_EQ(found.verdict, Verdict::violation);
  EXPECT_EQ(found.blocked, 1U);
}

TEST(Linearize, TwoOperationsWithoutAnswerExplainTwoReads) {
  std::vector<Operation> operations{unfinished(0, "write 1", 0), operation(1, "read 1", 1, 2),
                                    operation(1, "write 2", 3, 4), operation(1, "read 1", 5, 6)};
  EXPECT_EQ(linearize(operations, {}).verdict, Verdict::violation);
  operations.push_back(unfinished(2, "write 1", 3));
  EXPECT_EQ(linearize(operations, {}).verdict, Verdict::ok);
  operations.back().invoked = 7;
  EXPECT_EQ(linearize(operations, {}).verdict, Verdict::violation);
}

TEST(Linearize, AgreesWithTryingAllOrders) {
  std::mt19937 random(seed);
  int linearizable = 0;
  constexpr int histories = 10'000;
  for (int i = 0; i < histories; ++i) {
    const Shape shape{2 + i % 4, 4 + i % 4, 2 + i % 3, i % 2 == 0 ? 0.1 : 0.4, 0.6};
    const std::vector<Operation> operations = random_history(shape, random);
    const bool expected = linearizable_by_trying_all(operations);
    const Linearization found = linearize(operations, {});
    ASSERT_EQ(found.verdict, expected ? Verdict::ok : Verdict::violation)
        << "history " << i << " of seed " << seed << "\n"
        << text_of(operations);
    linearizable += expected ? 1 : 0;
  }
  // Both verdicts were put to the test.
  EXPECT_GT(linearizable, histories / 4);
  EXPECT_LT(linearizable, histories * 9 / 10);
}

TEST(Linearize, TheBlockedReturnEndsTheShortestPartThatFails) {
  std::mt19937 random(seed);
  int violations = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::vector<Operation> operations = random_history({3, 7, 2, 0.2, 1}, random);
    const Linearization found = linearize(operations, {});
    if (found.verdict != Verdict::violation) continue;
    ++violations;
    const std::size_t end = *operations[*found.blocked].returned;
    // Cut off in front of the return, and behind it.
    for (const std::size_t last : {end - 1, end}) {
      std::vector<Operation> part;
      for (Operation o : operations) {
        if (o.invoked > last) continue;
        if (o.returned && *o.returned > last) o.outcome = Outcome::unknown;
        if (o.outcome == Outcome::unknown && o.function == Function::read) continue;
        part.push_back(o);
      }
      ASSERT_EQ(linearizable_by_trying_all(part), last != end) << text_of(operations);
    }
  }
  EXPECT_GT(violations, 500);
}

TEST(Linearize, GivesUpBeyondItsLimits) {
  // Many writes at the same time, of which a read needs one that was not there.
  std::vector<Operation> operations;
  for (std::size_t i = 0; i < 11; ++i)
    operations.push_back(
        operation(static_cast<std::int64_t>(i), "write " + std::to_string(i), i, 40 + i));
  operations.push_back(operation(99, "read 99", 30, 31));
  EXPECT_EQ(linearize(operations, {}).verdict, Verdict::violation);
  const Linearization few_states = linearize(operations, {.states = 100});
  EXPECT_EQ(few_states.verdict, Verdict::undecided);
  EXPECT_LE(few_states.states, 102U);
  EXPECT_EQ(linearize(operations, {.bytes = 50'000}).verdict, Verdict::undecided);
}

TEST(Linearize, ManyUnfinishedWritesDoNotMultiply) {
  std::vector<Operation> operations;
  std::size_t place = 0;
  for (int i = 0; i < 60; ++i)
    operations.push_back(unfinished(i, "write " + std::to_string(i % 5), place++));
  for (int i = 0; i < 60; ++i, place += 2)
    operations.push_back(operation(100, "read " + std::to_string(i % 5), place, place + 1));
  const Linearization found = linearize(operations, {});
  EXPECT_EQ(found.verdict, Verdict::ok);
  EXPECT_LT(found.states, 1000U);
}

TEST(Minimise, KeepsWhatIsNeededOnly) {
  const std::vector<Operation> operations{
      operation(0, "write 7", 0, 1),  operation(1, "read 7", 2, 3),
      operation(0, "write 1", 4, 5),  operation(1, "write 2", 6, 9),
      operation(2, "read 1", 7, 8),   operation(0, "cas 2 3", 10, 11),
      operation(1, "read 2", 12, 13), operation(2, "read 9", 14, 15)};
  const std::vector<Operation> smallest = smallest_violation(operations, {});
  EXPECT_EQ(text_of(smallest), "1: write 2 [6..9]\n0: cas 2 -> 3 [10..11]\n1: read 2 [12..13]\n");
}

TEST(Minimise, LeavesNothingOutThatMakesItFail) {
  // Without its write the read alone would fail, which the history does not say. The write may go,
  // as another one that stays has certainly overwritten it; not so when that one overlaps it.
  EXPECT_EQ(
      text_of(smallest_violation({operation(0, "write 1", 0, 1), operation(0, "write 2", 2, 3),
                                  operation(1, "read 1", 4, 5)},
                                 {})),
      "0: write 2 [2..3]\n1: read 1 [4..5]\n");
  EXPECT_EQ(smallest_violation({operation(0, "write 1", 0, 2), operation(1, "write 2", 1, 3),
                                operation(2, "read 1", 4, 5), operation(2, "read 2", 6, 7)},
                               {})
                .size(),
            4U);
}

// Whoever may have left the value that `o` saw is in the part, or was overwritten by one that is.
bool nobody_is_missed_by(const Operation& o, const std::vector<Operation>& part,
                         const std::vector<Operation>& all) {
  if (o.function == Function::write) return true;
  const Value seen = o.function == Function::read ? o.value : o.expected;
  std::size_t end = 0;
  for (const Operation& p : part) end = std::max({end, p.invoked, p.returned.value_or(0)});
  return std::ranges::all_of(all, [&](const Operation& w) {
    if (w.function == Function::read || w.value != seen || w.invoked > o.returned.value_or(end))
      return true;
    return std::ranges::any_of(part, [&](const Operation& p) {
      const bool overwrites = p.function != Function::read && p.returned && w.returned &&
                              *w.returned < p.invoked && *p.returned < o.invoked;
      return p.invoked == w.invoked || overwrites;
    });
  });
}

TEST(Minimise, WhatIsLeftFailsAndIsPartOfTheHistory) {
  std::mt19937 random(seed);
  int violations = 0;
  for (int i = 0; i < 1'500; ++i) {
    const std::vector<Operation> operations = random_history({4, 10, 3, 0.2, 1}, random);
    if (linearize(operations, {}).verdict != Verdict::violation) continue;
    ++violations;
    const std::vector<Operation> smallest = smallest_violation(operations, {});
    ASSERT_FALSE(linearizable_by_trying_all(smallest)) << text_of(operations);
    for (const Operation& o : smallest)
      ASSERT_TRUE(std::ranges::any_of(operations, [&](const Operation& original) {
        return original.invoked == o.invoked && original.value == o.value &&
               (original.returned == o.returned || !o.returned);
      })) << text_of(operations);
    for (const Operation& o : smallest)
      ASSERT_TRUE(nobody_is_missed_by(o, smallest, operations)) << text_of(operations) << "->\n"
                                                                << text_of(smallest);
  }
  EXPECT_GT(violations, 300);
}

}  // namespace
}  // namespace nospof::history::test
