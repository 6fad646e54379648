// Baseline, confirmation, data and prober: without them nothing is proven.

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

TEST(Judge, NothingIsProvenWithoutABaseline) {
  RunRecord run = with_outage(5 * s);
  std::erase_if(run.samples,
                [](const kinds::Sample& sample) { return sample.scheduled_ns < injected; });
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_FALSE(cell.attributable);
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("no baseline")));
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("the budget is 2 s")));
}

TEST(Judge, ABadBaselineMakesAFailureNobodysDoing) {
  const RunRecord run = test::one_cell_run([](std::int64_t at) {
    const bool before = at == first_cell + 500 * ms;
    return before || (at >= injected && at < injected + 3 * s) ? Outcome::reset : Outcome::ok;
  });
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("1 of 50 requests failed before the fault")));
  EXPECT_THAT(judge(run).spofs, IsEmpty());
}

TEST(Judge, ABaselineThatBeganAgainReplacesTheOneBefore) {
  RunRecord run = test::one_cell_run(test::fails_between(first_cell, first_cell + 300 * ms));
  run.cells[0].phases.insert(run.cells[0].phases.begin() + 1, {first_cell + 310 * ms, "baseline"});
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  EXPECT_EQ(judged(run).baseline.total, 34U);
  run.cells[0].phases.push_back({injected + s, "baseline"});
  EXPECT_EQ(judged(run).baseline.total, 34U) << "what comes after the injection is none";
}

TEST(Judge, RequestsThatHungBeforeTheInjectionSpoilTheBaseline) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.probe.slow = Nanoseconds(300 * ms);
  for (kinds::Sample& sample : run.samples) {
    if (sample.scheduled_ns != first_cell + 500 * ms) continue;
    sample.outcome = Outcome::timeout;
    sample.finished_ns = sample.scheduled_ns + 3 * s;
  }
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons,
              Contains(HasSubstr("1 requests had been waiting for longer than 300 ms")));
}

TEST(Judge, AnUnconfirmedFaultProvesNothingEitherWay) {
  for (const std::int64_t length : {0 * s, 5 * s}) {
    RunRecord run = with_outage(length);
    step_named(run, "confirm").outcome = "not-confirmed";
    step_named(run, "confirm").detail = "6 of 7 processes stopped";
    const CellResult cell = judged(run);
    EXPECT_EQ(cell.verdict, Verdict::inconclusive);
    EXPECT_FALSE(cell.confirmed);
    EXPECT_THAT(cell.reasons, Contains(HasSubstr("not confirmed: web1: 6 of 7 processes stopped")));
    EXPECT_THAT(judge(run).spofs, IsEmpty());
  }
  RunRecord never = test::one_cell_run(test::always_ok);
  std::erase_if(never.cells[0].steps, [](const Step& step) { return step.step == "confirm"; });
  EXPECT_THAT(judged(never).reasons, ElementsAre(HasSubstr("web1: never measured")));
}

TEST(Judge, AHostThatCannotTellIsExcusedByWitnessesOnly) {
  RunRecord run = test::one_cell_run(test::always_ok);
  step_named(run, "confirm").outcome = "unable";
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  Step witness = step_named(run, "confirm");
  witness.host = "witnesses";
  witness.outcome = "confirmed";
  run.cells[0].steps.push_back(witness);
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  run.cells[0].steps.back().outcome = "not-confirmed";
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
}

TEST(Judge, AHostThatCannotTellIsExcusedByWitnessesOfItsOwnOnly) {
  RunRecord run = test::one_cell_run(test::always_ok);
  for (const char* name : {"confirm", "confirm-healed"}) {
    Step& told = step_named(run, name);
    told.outcome = "unable";
    Step witness = told;
    witness.host = "witnesses";
    witness.outcome = "confirmed";
    witness.of_hosts = {"lb1", "web1"};
    run.cells[0].steps.push_back(witness);
  }
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  for (Step& step : run.cells[0].steps)
    if (step.host == "witnesses" && step.step == "confirm") step.of_hosts = {"lb1", "web2"};
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_FALSE(judged(run).confirmed);
}

TEST(Judge, EveryHostThatWasHitMustBeConfirmed) {
  RunRecord run = test::one_cell_run(test::always_ok);
  Step other = step_named(run, "inject");
  other.host = "web2";
  run.cells[0].steps.push_back(other);
  EXPECT_FALSE(judged(run).confirmed);
  EXPECT_FALSE(judged(run).healed);
  for (const char* name : {"confirm", "confirm-healed"}) {
    Step step = step_named(run, name);
    step.host = "web2";
    run.cells[0].steps.push_back(step);
  }
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
}

TEST(Judge, TheLastWordOfAHostCounts) {
  RunRecord run = test::one_cell_run(test::always_ok);
  Step again = step_named(run, "confirm");
  step_named(run, "confirm").outcome = "not-confirmed";
  run.cells[0].steps.push_back(again);
  EXPECT_TRUE(judged(run).confirmed);
  run.cells[0].steps.back().outcome = "not-confirmed";
  EXPECT_FALSE(judged(run).confirmed);
}

TEST(Judge, UnconfirmedHealingIsNoPass) {
  RunRecord run = test::one_cell_run(test::always_ok);
  step_named(run, "confirm-healed").outcome = "not-confirmed";
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons, ElementsAre(HasSubstr("healing was not confirmed")));
}

TEST(Judge, WithoutRedundancyThereIsNoPass) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.cells[0].redundant = RedundantMark{first_cell + 6 * s, false, "db3: Joining"};
  EXPECT_THAT(judged(run).reasons, ElementsAre("not redundant again: db3: Joining"));
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  run.cells[0].redundant.reset();
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
}

TEST(Judge, TooLittleDataIsNoPass) {
  RunRecord run = test::one_cell_run(test::always_ok);
  std::erase_if(run.samples, [](const kinds::Sample& sample) {
    return sample.scheduled_ns > injected && sample.sequence % 10 == 0;
  });
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons, ElementsAre(HasSubstr("too little data: 271 results of 298")));
  run.samples.clear();
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons, Contains(HasSubstr("no data")));
}

TEST(Judge, FewMissingResultsAreTolerated) {
  RunRecord run = test::one_cell_run(test::always_ok);
  std::erase_if(run.samples, [](const kinds::Sample& sample) {
    return sample.scheduled_ns > injected && sample.sequence % 25 == 0;
  });
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
}

TEST(Judge, AHoleInTheDataLongerThanTheBudgetIsNoPass) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.outage_budget = Nanoseconds(200 * ms);
  std::erase_if(run.samples, [](const kinds::Sample& sample) {
    return sample.scheduled_ns > injected + s && sample.scheduled_ns < injected + 1240 * ms;
  });
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons, ElementsAre(HasSubstr("nothing was measured for 260 ms")));
}

TEST(Judge, LocalErrorsAreNoPass) {
  RunRecord run = test::one_cell_run(
      test::fails_between(injected + s, injected + s + 20 * ms, Outcome::local_error));
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(run).reasons, ElementsAre(HasSubstr("1 requests could not be sent")));
}

// Every so-many-th request begins 60 ms after its schedule.
RunRecord delayed(RunRecord run, std::uint64_t every) {
  for (kinds::Sample& sample : run.samples) {
    if (sample.sequence % every != 0) continue;
    sample.started_ns = sample.scheduled_ns + 60 * ms;
    sample.finished_ns = sample.started_ns + 5 * ms;
  }
  return run;
}

TEST(Judge, AProberThatIsOftenLateIsTrustedAsFarAsItsLatenessFitsIntoTheBudget) {
  RunRecord run = with_outage(s);
  ASSERT_EQ(judged(run).longest.upper, Nanoseconds(1020 * ms));
  run.outage_budget = Nanoseconds(1080 * ms);
  EXPECT_EQ(judged(delayed(run, 10)).worst_lateness, Nanoseconds(60 * ms));
  EXPECT_EQ(judged(delayed(run, 10)).verdict, Verdict::pass);
  run.outage_budget = Nanoseconds(1080 * ms - 1);
  EXPECT_EQ(judged(delayed(run, 50)).verdict, Verdict::pass) << "it is late now and then only";
  EXPECT_EQ(judged(delayed(run, 10)).verdict, Verdict::inconclusive);
  EXPECT_THAT(judged(delayed(run, 10)).reasons, ElementsAre(HasSubstr("the prober was too slow")));
}

TEST(Judge, AFailureThatTheProberMadeItselfIsNone) {
  EXPECT_EQ(judged(delayed(with_outage(3 * s), 10)).verdict, Verdict::fail);
  const CellResult own = judged(delayed(with_outage(3 * s), 1));
  EXPECT_EQ(own.verdict, Verdict::inconclusive);
  EXPECT_THAT(own.reasons, Contains(HasSubstr("the prober itself was late for most of it")));
}

TEST(Judge, WhatFailsWhileTheFaultIsBeingInjectedIsNoBaseline) {
  RunRecord run = test::one_cell_run(test::always_ok);
  const std::int64_t done = step_named(run, "inject").at_ns;
  for (kinds::Sample& sample : run.samples) {
    if (sample.scheduled_ns != first_cell + s) continue;
    sample.outcome = Outcome::reset;
    sample.finished_ns = done - ms;  // after its undo records, before it was done
  }
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  EXPECT_EQ(judged(run).counts.failed, 1U);
  std::erase_if(run.cells[0].steps, [](const Step& step) { return step.step == "undo-written"; });
  EXPECT_EQ(judged(run).injected_ns, done);
  EXPECT_EQ(judged(run).baseline.failed, 1U);
}

TEST(Judge, TheReportedLatenessOfTheCellIsKept) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.lateness = {{first_cell - 5 * s, Nanoseconds(9 * s)},
                  {first_cell + 2 * s, Nanoseconds(30 * ms)}};
  EXPECT_EQ(judged(run).worst_lateness, Nanoseconds(30 * ms));
}

}  // namespace
}  // namespace nospof::verdict
