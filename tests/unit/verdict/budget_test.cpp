#include "verdict/budget.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/unit/verdict/scenario.hpp"
#include "verdict/judge.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using spec::Percent;
using test::first_cell;
using test::ms;
using test::s;

Counts counts(std::uint64_t total, std::uint64_t failed) {
  Counts result;
  result.total = total;
  result.failed = failed;
  return result;
}

TEST(ErrorBudget, IsWhatTheSloAllowsOfTheRequests) {
  const ErrorBudget budget = error_budget(counts(20'000, 50), Percent{0.999});
  EXPECT_EQ(budget.requests, 20'000U);
  EXPECT_EQ(budget.spent, 50U);
  EXPECT_NEAR(budget.allowed, 20, 1e-9);
  ASSERT_TRUE(budget.burn_rate.has_value());
  EXPECT_NEAR(*budget.burn_rate, 2.5, 1e-9);
  EXPECT_EQ(error_budget(counts(10, 0), Percent{0.999}).burn_rate, 0.0);
}

TEST(ErrorBudget, WithoutRequestsNothingIsKnown) {
  EXPECT_EQ(error_budget(counts(0, 0), Percent{0.999}).burn_rate, std::nullopt);
}

TEST(ErrorBudget, WhenNothingMayFailAFailureBurnsWithoutBound) {
  EXPECT_EQ(error_budget(counts(10, 0), Percent{1.0}).burn_rate, 0.0);
  EXPECT_EQ(error_budget(counts(10, 1), Percent{1.0}).burn_rate, std::nullopt);
  EXPECT_EQ(error_budget(counts(10, 1), Percent{1.0}).allowed, 0.0);
}

TEST(FailureBound, IsTheProbabilityAtWhichAllWouldPassOnceInTwenty) {
  EXPECT_DOUBLE_EQ(failure_bound(0), 1.0);
  EXPECT_NEAR(failure_bound(1), 0.95, 1e-12);
  EXPECT_NEAR(failure_bound(52), 0.05598, 5e-6);
  for (const std::uint64_t passes : {1U, 2U, 59U, 1'000U, 1'000'000U})
    EXPECT_NEAR(std::pow(1 - failure_bound(passes), passes), 0.05, 1e-9) << passes;
}

// Two cells with a pause of 1 s between them, in which every request fails, as before the first.
RunRecord two_cells() {
  constexpr std::int64_t second = first_cell + test::cell_length + s;
  RunRecord run = test::empty_run();
  run.cells = {test::whole_cell(first_cell, "web1", "nginx", "process-kill"),
               test::whole_cell(second, "web2", "nginx", "process-kill")};
  run.samples = test::stream(first_cell - s, second + test::cell_length + s, [](std::int64_t at) {
    const bool in_first = at >= first_cell && at < first_cell + test::cell_length;
    const bool in_second = at >= second && at < second + test::cell_length;
    if (!in_first && !in_second) return Outcome::connect_refused;
    const std::int64_t after = at - second - test::injected_after;
    return after >= 0 && after < 300 * ms ? Outcome::reset : Outcome::ok;
  });
  return run;
}

TEST(Traffic, IsThatOfTheCellsAndNotOfWhatLiesBetween) {
  const RunRecord run = two_cells();
  const Traffic traffic = judge(run).traffic;
  EXPECT_EQ(traffic.requests.total, 2U * test::cell_length / test::period_ns);
  EXPECT_EQ(traffic.requests.failed, 15U);
  EXPECT_EQ(traffic.requests.classes.at(static_cast<std::size_t>(Outcome::connect_refused)), 0U);
  EXPECT_EQ(traffic.latency.count(), traffic.requests.total - 15) << "right answers";
  EXPECT_EQ(traffic.latency.max(), Nanoseconds(5 * ms));
}

TEST(Traffic, OfACellThatNeverEndedGoesOnToTheEnd) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.cells[0].phases.pop_back();
  run.cells[0].finished_ns.reset();
  run.cells[0].end.reset();
  run.cells.push_back({});  // never begun
  EXPECT_EQ(judge(run).traffic.requests.total, 1U * test::cell_length / test::period_ns);
  run.cells.clear();
  EXPECT_EQ(judge(run).traffic.requests.total, 0U);
}

TEST(RunBudget, NamesTheCellOfWhichTheLargestShareFailed) {
  const RunResult result = judge(two_cells());
  ASSERT_TRUE(result.budget.has_value());
  EXPECT_NEAR(*result.budget->burn_rate, 15.0 / 700 / 0.01, 1e-9);
  ASSERT_TRUE(result.worst.has_value());
  EXPECT_EQ(result.worst->id, "web2/nginx/process-kill");
  EXPECT_EQ(result.worst->budget.spent, 15U);
  EXPECT_EQ(result.worst->budget.requests, result.cells[1].counts.total);
}

TEST(RunBudget, IsUnknownWithoutAnSlo) {
  RunRecord run = two_cells();
  run.slo_availability.reset();
  const RunResult result = judge(run);
  EXPECT_EQ(result.budget, std::nullopt);
  EXPECT_FALSE(result.worst.has_value());
}

TEST(RunBound, CountsPassesAndIsGoneWithTheFirstFailure) {
  RunRecord run = test::empty_run();
  for (int i = 0; i < 3; ++i)
    run.cells.push_back(test::whole_cell(first_cell + i * (test::cell_length + 200 * ms), "web1",
                                         "nginx", "process-kill"));
  run.samples = test::stream(first_cell - s, first_cell + 4 * test::cell_length, test::always_ok);
  EXPECT_EQ(judge(run).failure_bound, failure_bound(3));
  run.cells[1].redundant.reset();  // inconclusive: no trial
  EXPECT_EQ(judge(run).failure_bound, failure_bound(2));
  run.samples = test::stream(first_cell - s, first_cell + 4 * test::cell_length,
                             test::fails_between(first_cell + 2 * s, first_cell + 6 * s));
  ASSERT_EQ(judge(run).failed, 1U);
  ASSERT_GT(judge(run).passed, 0U);
  EXPECT_EQ(judge(run).failure_bound, std::nullopt);
}

}  // namespace
}  // namespace nospof::verdict
