// Outages, budget, recovery and integrity: what makes a cell pass or fail.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict/judged.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using test::first_cell;
using test::injected;
using test::judged;
using test::ms;
using test::s;
using test::step_named;
using test::with_outage;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Judge, PassesWhenNothingWasNoticed) {
  const CellResult cell = judged(test::one_cell_run(test::always_ok));
  EXPECT_EQ(cell.verdict, Verdict::pass);
  EXPECT_THAT(cell.reasons, IsEmpty());
  EXPECT_TRUE(cell.executed);
  EXPECT_TRUE(cell.confirmed);
  EXPECT_TRUE(cell.healed);
  EXPECT_TRUE(cell.attributable);
  EXPECT_EQ(cell.recovery, std::nullopt);
  EXPECT_EQ(cell.injected_ns, injected);
  EXPECT_EQ(cell.healed_after, Nanoseconds(test::healed_after - test::injected_after));
  EXPECT_EQ(cell.redundant_after, Nanoseconds(6 * s - test::injected_after));
  EXPECT_EQ(cell.baseline.failed, 0U);
  EXPECT_GE(cell.baseline.total, 49U);
  EXPECT_GE(cell.counts.total, 299U);
  EXPECT_EQ(cell.latency.p99, Nanoseconds(5 * ms));
}

TEST(Judge, PassesWithAnOutageWithinTheBudget) {
  const CellResult cell = judged(with_outage(s));
  EXPECT_EQ(cell.verdict, Verdict::pass) << (cell.reasons.empty() ? "" : cell.reasons[0]);
  EXPECT_EQ(cell.counts.failed, 50U);
  EXPECT_EQ(cell.longest.lower, Nanoseconds(980 * ms));
  EXPECT_EQ(cell.longest.upper, Nanoseconds(1020 * ms));
  ASSERT_TRUE(cell.recovery.has_value());
  // From the injection to the first good request after the last bad one.
  EXPECT_EQ(cell.recovery->upper, Nanoseconds(1015 * ms));
  EXPECT_EQ(cell.recovery->lower, Nanoseconds(995 * ms));
}

TEST(Judge, FailsWhenEvenTheLowerBoundIsBeyondTheBudget) {
  const CellResult cell = judged(with_outage(2100 * ms));
  EXPECT_EQ(cell.verdict, Verdict::fail);
  EXPECT_THAT(cell.reasons,
              ElementsAre(HasSubstr("outage of 2.08 s .. 2.12 s, the budget is 2 s")));
}

TEST(Judge, IsInconclusiveWhenTheBudgetLiesBetweenTheBounds) {
  const CellResult cell = judged(with_outage(2 * s));
  EXPECT_EQ(cell.longest.lower, Nanoseconds(1980 * ms));
  EXPECT_EQ(cell.longest.upper, Nanoseconds(2020 * ms));
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, ElementsAre(HasSubstr("the budget of 2 s lies in between")));
}

TEST(Judge, TheBudgetItselfIsStillSurvived) {
  RunRecord run = with_outage(s);
  run.outage_budget = Nanoseconds(1020 * ms);
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  run.outage_budget = Nanoseconds(1020 * ms - 1);
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  run.outage_budget = Nanoseconds(980 * ms);
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  run.outage_budget = Nanoseconds(980 * ms - 1);
  EXPECT_EQ(judged(run).verdict, Verdict::fail);
}

TEST(Judge, AnUnfinishedOutageFailsOnceItIsLongEnoughAlready) {
  RunRecord run = with_outage(60 * s);
  run.cells[0].served_again_ns.reset();
  run.cells[0].redundant = RedundantMark{first_cell + 6 * s, false, "nginx on web1 is not running"};
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::fail);
  EXPECT_EQ(cell.longest.upper, std::nullopt);
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("the budget is 2 s")));
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("did not recover within 60 s")));
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("nginx on web1 is not running")));
}

TEST(Judge, NotRecoveringFailsEvenWithinTheBudget) {
  RunRecord run = with_outage(60 * s);
  run.outage_budget = Nanoseconds(30 * s);
  run.cells[0].served_again_ns.reset();
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::fail);
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("did not recover")));
}

TEST(Judge, WhoeverWasNotSeenHealedNeedNotRecover) {
  RunRecord run = with_outage(60 * s);
  run.outage_budget = Nanoseconds(30 * s);
  run.cells[0].served_again_ns.reset();
  step_named(run, "confirm-healed").outcome = "not-confirmed";
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
}

TEST(Judge, FailingAgainAtTheVeryEndIsNoPass) {
  const std::int64_t end = first_cell + test::cell_length;
  const CellResult cell = judged(test::one_cell_run(test::fails_between(end - 100 * ms, end)));
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("failing again when the cell ended")));
}

TEST(Judge, AnOutageMayBeSeenToEndAfterTheCell) {
  const std::int64_t end = first_cell + test::cell_length;
  RunRecord run = test::one_cell_run(test::always_ok);
  run.samples = test::stream(first_cell - s, end + 3 * s,
                             test::fails_between(end - 500 * ms, end - 400 * ms));
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  EXPECT_FALSE(judged(run).outages.at(0).unfinished);
  // A lab that was made anew meanwhile says nothing about the old one.
  run.lab_ups_ns = {first_cell - 10 * s, end + 100 * ms};
  EXPECT_TRUE(judged(run).outages.at(0).unfinished);
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
}

TEST(Judge, WhatBeginsAfterTheCellIsNotItsDoing) {
  const std::int64_t end = first_cell + test::cell_length;
  RunRecord run = test::one_cell_run(test::always_ok);
  run.samples = test::stream(first_cell - s, end + 9 * s, test::fails_between(end, end + 8 * s));
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::pass);
  EXPECT_EQ(cell.counts.failed, 0U);
}

TEST(Judge, WhatTheNextInjectionHitIsNotTheDoingOfThisCell) {
  const std::int64_t end = first_cell + test::cell_length;
  const std::int64_t next_injected = end + 200 * ms + test::injected_after;
  RunRecord run = test::one_cell_run(test::always_ok);
  run.cells.push_back(test::whole_cell(end + 200 * ms, "web2", "nginx", "process-kill"));
  // Too long for the last failure of the first cell to settle before the next injection.
  run.settle = Nanoseconds(1500 * ms);
  run.samples = test::stream(first_cell - s, end + 20 * s, [=](std::int64_t at) {
    const bool next = at >= next_injected - 10 * ms && at < next_injected + 3 * s;
    return at == end - 20 * ms || next ? Outcome::reset : Outcome::ok;
  });
  for (kinds::Sample& sample : run.samples)
    if (sample.scheduled_ns == end + 1200 * ms) {
      sample.outcome = Outcome::reset;  // on its way at the next injection
      sample.finished_ns = next_injected + ms;
    }
  const CellResult cell = judged(run);
  ASSERT_EQ(cell.outages.size(), 1U);
  EXPECT_EQ(cell.outages[0].last_bad_ns, end - 20 * ms);
  EXPECT_TRUE(cell.outages[0].unfinished);
  EXPECT_EQ(judge_cell(run, 1).verdict, Verdict::fail);
}

TEST(Judge, AnOutageThatHadBegunBeforeHasNoKnownBeginning) {
  const RunRecord run =
      test::one_cell_run(test::fails_between(injected - 30 * ms, injected + 300 * ms));
  EXPECT_EQ(judged(run).longest.upper, std::nullopt);
  EXPECT_EQ(judged(run).outages.at(0).first_bad_ns, first_cell + s)
      << "the first that was hit, not the last of the baseline";
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
}

TEST(Judge, RequestsOnTheirWayAtTheInjectionAreItsVictims) {
  RunRecord run = test::one_cell_run(test::always_ok);
  for (kinds::Sample& sample : run.samples) {
    if (sample.scheduled_ns != first_cell + s) continue;
    sample.outcome = Outcome::reset;
    sample.finished_ns = injected + ms;
  }
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::pass);
  EXPECT_EQ(cell.baseline.failed, 0U);
  EXPECT_EQ(cell.counts.failed, 1U);
  EXPECT_EQ(cell.longest.upper, Nanoseconds(40 * ms));
  ASSERT_TRUE(cell.recovery.has_value());
  EXPECT_EQ(cell.recovery->lower, Nanoseconds(0));
}

TEST(Judge, RecoveryIsNeverNegative) {
  RunRecord run = test::one_cell_run(test::always_ok);
  for (kinds::Sample& sample : run.samples) {
    if (sample.scheduled_ns != first_cell + 960 * ms) continue;
    sample.outcome = Outcome::reset;  // on its way at the injection, unlike its successors
    sample.finished_ns = injected + ms;
  }
  const CellResult cell = judged(run);
  ASSERT_TRUE(cell.recovery.has_value());
  EXPECT_EQ(*cell.recovery, (Interval{Nanoseconds(0), Nanoseconds(0)}));
  EXPECT_EQ(cell.counts.failed, 1U);
  EXPECT_EQ(cell.verdict, Verdict::pass);
}

TEST(Judge, WhatAFaultMeansToShowIsAFailureAndNoViolation) {
  RunRecord run = test::one_cell_run(
      test::fails_between(injected + s, injected + s + 20 * ms, Outcome::tls_expired));
  run.cells.at(0).caused = {Outcome::tls_expired};
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  EXPECT_GT(judged(run).counts.failed, 0U);
  run.cells.at(0).caused = {Outcome::tls_untrusted};
  EXPECT_EQ(judged(run).verdict, Verdict::fail) << "not this one";
}

TEST(Judge, IntegrityViolationsFailWhateverTheBudget) {
  for (const Outcome outcome : {Outcome::tls_untrusted, Outcome::tls_wrong_identity,
                                Outcome::tls_expired, Outcome::wrong_body}) {
    RunRecord run =
        test::one_cell_run(test::fails_between(injected + s, injected + s + 20 * ms, outcome));
    const CellResult cell = judged(run);
    EXPECT_EQ(cell.verdict, Verdict::fail);
    EXPECT_THAT(cell.reasons, ElementsAre(HasSubstr(std::string(kinds::outcome_name(outcome)))));
    EXPECT_THAT(judge(run).spofs, IsEmpty()) << "it is no outage";
    step_named(run, "confirm").outcome = "not-confirmed";
    EXPECT_EQ(judged(run).verdict, Verdict::fail);
    EXPECT_THAT(judge(run).spofs, IsEmpty()) << "not the fault's doing, as far as is known";
  }
  const RunRecord harmless = test::one_cell_run(
      test::fails_between(injected + s, injected + s + 20 * ms, Outcome::http_status));
  EXPECT_EQ(judged(harmless).verdict, Verdict::pass);
}

TEST(Judge, AbortedAndBrokenCellsAreInconclusive) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.cells[0].end = CellEnd::aborted;
  run.cells[0].detail = "interrupted";
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons, Contains("aborted: interrupted"));
  run.cells[0].end = CellEnd::error;
  run.cells[0].detail = "the agent of web1 is gone";
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons, Contains(HasSubstr("the agent of web1 is gone")));
}

TEST(Judge, WithoutAnInjectionThereIsNothingToJudge) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.cells[0].steps.clear();
  run.cells[0].end = CellEnd::error;
  run.cells[0].detail = "no steady state: 3 of 50 requests failed before any fault";
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, ElementsAre(HasSubstr("no steady state")));
  EXPECT_EQ(cell.injected_ns, std::nullopt);
  EXPECT_EQ(summary_line(cell), "nothing was injected");
}

TEST(Judge, AHealingFailureOfTheCellIsAReason) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.healing_failures = {{run.cells[0].plan.id, "web1", "table nospof is still there"}};
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons,
              ElementsAre("healing failed on web1: table nospof is still there"));
}

TEST(Judge, SummaryLineSaysWhatWasMeasured) {
  EXPECT_EQ(summary_line(judged(with_outage(s))),
            "outage 980 ms .. 1.02 s, 50 of 300 failed, served again after 1.01 s, redundant after "
            "5 s");
  EXPECT_THAT(summary_line(judged(test::one_cell_run(test::always_ok))),
              HasSubstr("no outage, 0 of 300 failed"));
}

}  // namespace
}  // namespace nospof::verdict
