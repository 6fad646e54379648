// Cells whose hosts must break the service together.

#include <functional>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/words.hpp"
#include "tests/unit/verdict/judged.hpp"
#include "verdict/judge.hpp"

namespace nospof::verdict {
namespace {

using test::first_cell;
using test::ms;
using test::s;
using test::with_outage;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RunRecord control(RunRecord run) {
  CellPlan& plan = run.cells.front().plan;
  plan.id = "control/web1+web2/host-crash";
  plan.host.clear();
  plan.service.clear();
  plan.fault = "host-crash";
  plan.hosts = {"web1", "web2"};
  plan.predicted = "breaks";
  return run;
}

TEST(Controls, PassWhenTheServiceBreaks) {
  const RunResult result = judge(control(with_outage(2500 * ms)));
  const CellResult& cell = result.cells.front();
  EXPECT_EQ(cell.verdict, Verdict::pass) << (cell.reasons.empty() ? "" : cell.reasons[0]);
  EXPECT_EQ(cell.agreement, Agreement::agrees);
  EXPECT_EQ(component_name(cell.plan), "web1 + web2");
  EXPECT_EQ(report::fault_text(cell.plan), "host-crash, control");
  EXPECT_THAT(result.spofs, IsEmpty());
}

TEST(Controls, AreNoEvidenceForSurvival) {
  const RunResult result = judge(control(with_outage(2500 * ms)));
  EXPECT_EQ(result.controls, 1U);
  EXPECT_EQ(result.failure_bound, std::nullopt);
  EXPECT_EQ(result.traffic.requests.total, 0U) << "it was broken on purpose";
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_THAT(result.reasons, ElementsAre(HasSubstr("no cell was survived")));
}

TEST(Controls, ThatAreSurvivedLeaveTheRunInconclusive) {
  const RunResult result = judge(control(with_outage(s)));
  const CellResult& cell = result.cells.front();
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, ElementsAre(AllOf(HasSubstr("control: web1 + web2 were to break"),
                                              HasSubstr("cannot see an outage"))));
  EXPECT_EQ(cell.agreement, Agreement::too_pessimistic);
  EXPECT_EQ(result.exit_code, 3);
}

TEST(Controls, WhatTheirReturnDoesToUsersIsNoSignThatTheirAbsenceWasSeen) {
  RunRecord run = control(
      test::one_cell_run(test::fails_between(first_cell + 3950 * ms, first_cell + 6100 * ms)));
  run.cells.front().phases = {{first_cell, "baseline"},
                              {first_cell + s, "inject"},
                              {first_cell + 3900 * ms, "heal"},
                              {first_cell + 4 * s, "recover"},
                              {first_cell + 7 * s, "done"}};
  const CellResult cell = judge(run).cells.front();
  EXPECT_GT(cell.longest.lower, Nanoseconds(2 * s)) << "the budget";
  EXPECT_EQ(cell.broken_for, Nanoseconds(0));
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("while they were down no outage longer than 2 s")));
}

TEST(Controls, BesideOtherLabsAreTriedAgainAlone) {
  RunRecord run = control(with_outage(2500 * ms));
  run.cells.front().beside = 1;
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells.front().verdict, Verdict::inconclusive);
  EXPECT_EQ(result.cells.front().agreement, std::nullopt);
  EXPECT_THAT(result.cells.front().reasons, ElementsAre(HasSubstr("only a try alone can tell")));
  EXPECT_THAT(to_repeat(result, true), ElementsAre(0U));
}

// Down from a second after its begin until 3.9 s; beside another lab.
RunRecord beside_another(const std::function<kinds::Outcome(std::int64_t)>& outcome) {
  RunRecord run = control(test::one_cell_run(outcome));
  run.cells.front().phases = {{first_cell, "baseline"},
                              {first_cell + s, "inject"},
                              {first_cell + 3900 * ms, "heal"},
                              {first_cell + 4 * s, "recover"},
                              {first_cell + 7 * s, "done"}};
  run.cells.front().beside = 1;
  run.min_idle = 0.1;
  return run;
}

TEST(Controls, BesideOtherLabsCountWhenNobodyWasServedForAsLongAsTheHostsWereDown) {
  const auto broken_from = [](std::int64_t from, std::optional<double> idle) {
    RunRecord run = beside_another(test::fails_between(from, first_cell + 3950 * ms));
    run.cells.front().cpu_idle = idle;
    return judge(run);
  };
  const RunResult throughout = broken_from(first_cell + 1100 * ms, 0.05);
  EXPECT_EQ(throughout.cells.front().verdict, Verdict::pass);
  EXPECT_EQ(throughout.cells.front().agreement, Agreement::agrees);
  EXPECT_THAT(to_repeat(throughout, true), IsEmpty());
  const RunResult in_part = broken_from(first_cell + 1500 * ms, 0.05);
  EXPECT_EQ(in_part.cells.front().verdict, Verdict::inconclusive);
  EXPECT_THAT(to_repeat(in_part, true), ElementsAre(0U));
  const RunResult no_time_left = broken_from(first_cell + 1100 * ms, 0.02);
  EXPECT_EQ(no_time_left.cells.front().verdict, Verdict::inconclusive);
  const RunResult nobody_knows = broken_from(first_cell + 1100 * ms, std::nullopt);
  EXPECT_EQ(nobody_knows.cells.front().verdict, Verdict::inconclusive);
}

// One long outage all the same, as good answers in between are too few in a row; and what fails
// only when the hosts come back says nothing of the time that they were down.
TEST(Controls, BesideOtherLabsAnOutageInWhichSomeAreServedIsTriedAgain) {
  for (const std::int64_t failing_until : {3950 * ms, 6800 * ms}) {
    RunRecord run = beside_another([=](std::int64_t at_ns) {
      const std::int64_t at = at_ns - first_cell;
      const bool healed = at >= 3900 * ms;
      const bool is_served =
          at < 1100 * ms || at >= failing_until || (!healed && at_ns / test::period_ns % 5 == 0);
      return is_served ? kinds::Outcome::ok : kinds::Outcome::connect_refused;
    });
    run.cells.front().cpu_idle = 0.05;
    const RunResult beside = judge(run);
    EXPECT_EQ(beside.cells.front().verdict, Verdict::inconclusive);
    EXPECT_THAT(beside.cells.front().reasons, Contains(HasSubstr("only a try alone can tell")));
    EXPECT_THAT(to_repeat(beside, true), ElementsAre(0U));
    run.cells.front().beside = 0;
    EXPECT_THAT(judge(run).cells.front().reasons,
                Not(Contains(HasSubstr("only a try alone can tell"))));
  }
}

TEST(Controls, WhoseFaultWasNotConfirmedShowNothing) {
  RunRecord run = control(with_outage(2500 * ms));
  for (Step& step : run.cells.front().steps)
    if (step.step == "confirm") step.outcome = "not-confirmed";
  const CellResult cell = judge(run).cells.front();
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_EQ(cell.agreement, std::nullopt);
}

TEST(Controls, BesideOtherCellsAreNotInTheirFigures) {
  RunRecord run = control(with_outage(2500 * ms));
  const std::int64_t next = first_cell + test::cell_length + s;
  CellRecord survived = test::whole_cell(next, "web1", "nginx", "process-kill");
  survived.plan.predicted = "survives";
  run.cells.push_back(survived);
  const auto more = test::stream(next - s, next + test::cell_length, test::always_ok);
  run.samples.insert(run.samples.end(), more.begin(), more.end());
  const RunResult result = judge(run);
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_EQ(result.passed, 2U);
  EXPECT_EQ(result.traffic.requests.failed, 0U);
  EXPECT_EQ(result.worst->id, "web1/nginx/process-kill");
  EXPECT_THAT(report::bound_text(result), AllOf(HasSubstr("1 cell passed, none failed"),
                                                HasSubstr("Not counted is 1 control")));
}

TEST(Controls, HostsThatShouldBeSurvivedTogetherAndAreNotAreFakeRedundancyAndNoSinglePoint) {
  RunRecord run = control(with_outage(2500 * ms));
  run.cells.front().plan.predicted = "survives";
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells.front().verdict, Verdict::fail);
  EXPECT_EQ(result.cells.front().agreement, Agreement::fake_redundancy);
  EXPECT_THAT(result.spofs, IsEmpty());
  EXPECT_EQ(result.exit_code, 1);
}

TEST(Controls, OneHostAfterAnotherIsNamedInItsOrder) {
  CellPlan plan;
  plan.hosts = {"web2", "db1"};
  plan.in_turn = true;
  EXPECT_EQ(component_name(plan), "web2, then db1");
}

}  // namespace
}  // namespace nospof::verdict
