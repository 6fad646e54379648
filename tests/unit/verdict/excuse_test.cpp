// A cell on a machine that had hardly any CPU time left shows no weakness of the stack.

#include "verdict/excuse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict/judged.hpp"

namespace nospof::verdict {
namespace {

using test::ms;
using test::with_outage;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// At least 5 % are asked for, and so much was idle.
RunRecord on_machine(std::optional<double> idle, RunRecord run) {
  run.min_idle = 0.05;
  run.cells.front().cpu_idle = idle;
  return run;
}

TEST(Hurried, WhatFailsIsOpenAndTriedOnceMore) {
  const RunResult result = judge(on_machine(0.041, with_outage(2500 * ms)));
  EXPECT_EQ(result.cells.front().verdict, Verdict::inconclusive);
  EXPECT_THAT(
      result.cells.front().reasons,
      ElementsAre(HasSubstr("outage of"),
                  HasSubstr("on a machine with 4% of its CPU time idle, and 5% are asked for")));
  EXPECT_THAT(result.spofs, IsEmpty());
  EXPECT_EQ(result.exit_code, 3) << "never a pass";
  EXPECT_THAT(to_repeat(result, false), ElementsAre(0U));
}

TEST(Hurried, WhatPassesPasses) {
  const RunResult result = judge(on_machine(0.01, with_outage(500 * ms)));
  EXPECT_EQ(result.cells.front().verdict, Verdict::pass);
  EXPECT_THAT(to_repeat(result, false), IsEmpty());
}

TEST(Hurried, WithEnoughTimeOrWithoutARecordOfItFailuresCount) {
  for (const std::optional<double> idle : {std::optional(0.05), std::optional<double>()}) {
    const RunResult result = judge(on_machine(idle, with_outage(2500 * ms)));
    EXPECT_EQ(result.cells.front().verdict, Verdict::fail);
    EXPECT_THAT(to_repeat(result, false), IsEmpty());
  }
}

TEST(Hurried, ARunThatAsksForNoIdleTimeCountsThemAll) {
  RunRecord run = on_machine(0.0, with_outage(2500 * ms));
  run.min_idle = 0;
  EXPECT_EQ(judge(run).cells.front().verdict, Verdict::fail);
}

TEST(Hurried, WhatMayNeverBeIsNotExcused) {
  const RunRecord run = on_machine(0.01, with_outage(20 * ms, kinds::Outcome::tls_wrong_identity));
  EXPECT_EQ(judge(run).cells.front().verdict, Verdict::fail);
}

// It failed for the violation; whether it is a SPOF besides, only another try can tell.
TEST(Hurried, AViolationDoesNotHideAnOutage) {
  const RunRecord run =
      on_machine(0.01, with_outage(2500 * ms, kinds::Outcome::tls_wrong_identity));
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells.front().verdict, Verdict::fail);
  EXPECT_THAT(result.spofs, IsEmpty());
  EXPECT_THAT(to_repeat(result, false), ElementsAre(0U));
  RunRecord again = on_machine(0.5, with_outage(2500 * ms));
  again.cells.front().earlier = {run.cells.front()};
  EXPECT_EQ(judge(again).spofs.size(), 1U);
}

TEST(Hurried, IsTriedTwiceAtMost) {
  RunRecord run = on_machine(0.01, with_outage(2500 * ms));
  run.cells.front().earlier = {run.cells.front()};
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells.front().verdict, Verdict::inconclusive);
  EXPECT_THAT(to_repeat(result, false), IsEmpty());
}

TEST(Hurried, ACellThatWasNotCarriedOutIsTriedAgainOnlyAfterSeveralLabs) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.cells.front().end = CellEnd::error;
  const RunResult result = judge(run);
  EXPECT_THAT(to_repeat(result, false), IsEmpty());
  EXPECT_THAT(to_repeat(result, true), ElementsAre(0U));
}

TEST(Hurried, AControlIsToBreakAndTheOutageWasSeen) {
  RunRecord run = on_machine(0.01, with_outage(2500 * ms));
  CellPlan& plan = run.cells.front().plan;
  plan.hosts = {"web1", "web2"};
  plan.host.clear();
  plan.predicted = "breaks";
  plan.id = "control/web1+web2/host-crash";
  EXPECT_EQ(judge(run).cells.front().verdict, Verdict::pass);
}

}  // namespace
}  // namespace nospof::verdict
