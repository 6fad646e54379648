// The verdict on a whole run: exit codes and the list of single points of failure.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict/scenario.hpp"
#include "verdict/judge.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using test::first_cell;
using test::ms;
using test::s;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Target {
  const char* host;
  const char* service;
  const char* fault;
  bool fails;
};

// One cell after the other; those that fail have an outage of 3 s, the budget is 2 s.
RunRecord campaign(const std::vector<Target>& targets) {
  RunRecord run = test::empty_run();
  std::vector<std::pair<std::int64_t, std::int64_t>> outages;
  std::int64_t t = first_cell;
  for (const Target& target : targets) {
    run.cells.push_back(test::whole_cell(t, target.host, target.service, target.fault));
    const std::int64_t injected = t + test::injected_after;
    if (target.fails) outages.emplace_back(injected, injected + 3 * s);
    t += test::cell_length + 200 * ms;
  }
  run.samples = test::stream(first_cell - s, t, [&](std::int64_t at) {
    for (const auto& [from, to] : outages)
      if (at >= from && at < to) return Outcome::connect_timeout;
    return Outcome::ok;
  });
  return run;
}

TEST(Run, PassesWhenEveryCellPasses) {
  const RunResult result = judge(
      campaign({{"web1", "nginx", "process-kill", false}, {"web1", "", "host-crash", false}}));
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.executed, 2U);
  EXPECT_EQ(result.passed, 2U);
  EXPECT_THAT(result.reasons, IsEmpty());
  EXPECT_THAT(result.spofs, IsEmpty());
}

TEST(Run, OneFailingCellFailsIt) {
  const RunResult result = judge(campaign({{"web1", "nginx", "process-kill", false},
                                           {"db1", "", "host-crash", true},
                                           {"web2", "", "host-crash", false}}));
  EXPECT_EQ(result.verdict, Verdict::fail);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.failed, 1U);
  EXPECT_EQ(result.passed, 2U);
  ASSERT_EQ(result.spofs.size(), 1U);
  EXPECT_EQ(result.spofs[0].name, "db1");
  ASSERT_EQ(result.spofs[0].faults.size(), 1U);
  EXPECT_EQ(result.spofs[0].faults[0].outage,
            (Interval{Nanoseconds(2980 * ms), Nanoseconds(3020 * ms)}));
}

TEST(Run, SpofsAreNamedOnceWithServicesUnderTheirHost) {
  const RunResult result = judge(campaign({{"db1", "mariadb", "process-kill", true},
                                           {"db1", "mariadb", "process-pause", true},
                                           {"db1", "node-exporter", "process-kill", false},
                                           {"db1", "", "host-crash", true},
                                           {"db1", "", "partition", true},
                                           {"lb1", "haproxy", "process-pause", true},
                                           {"lb1", "", "host-crash", false}}));
  ASSERT_EQ(result.spofs.size(), 2U);
  const Spof& host = result.spofs[0];
  EXPECT_EQ(host.name, "db1");
  EXPECT_EQ(host.service, "");
  ASSERT_EQ(host.faults.size(), 2U);
  EXPECT_EQ(host.faults[0].cell, "db1/host-crash");
  EXPECT_EQ(host.faults[1].cell, "db1/partition");
  ASSERT_EQ(host.services.size(), 1U);
  EXPECT_EQ(host.services[0].name, "mariadb on db1");
  EXPECT_EQ(host.services[0].faults.size(), 2U);
  EXPECT_EQ(result.spofs[1].name, "haproxy on lb1");
  EXPECT_THAT(result.spofs[1].services, IsEmpty());
}

TEST(Run, AnInconclusiveCellKeepsItFromPassing) {
  RunRecord run = campaign({{"web1", "", "host-crash", false}, {"web2", "", "host-crash", false}});
  run.cells[1].redundant->ok = false;
  const RunResult result = judge(run);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.inconclusive, 1U);
}

TEST(Run, AFailureOutweighsWhatIsInconclusive) {
  RunRecord run = campaign({{"web1", "", "host-crash", true}, {"web2", "", "host-crash", false}});
  run.cells[1].redundant->ok = false;
  EXPECT_EQ(judge(run).exit_code, 1);
}

TEST(Run, ZeroCellsProveNothing) {
  const RunResult result = judge(test::empty_run());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.reasons, ElementsAre("nothing was executed: there is no cell"));
}

TEST(Run, ARunThatNeverBeganProvesNothing) {
  const RunResult result = judge(RunRecord{});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.reasons, ElementsAre(HasSubstr("never begun")));
}

TEST(Run, FailedHealingOverridesEverything) {
  for (const bool fails : {false, true}) {
    RunRecord run = campaign({{"web1", "", "host-crash", fails}});
    run.healing_failures = {{"", "web1", "the agent ended with 9 instead of 0"}};
    const RunResult result = judge(run);
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_EQ(result.verdict, fails ? Verdict::fail : Verdict::inconclusive);
    EXPECT_THAT(result.reasons, ElementsAre(HasSubstr("`nospof recover`")));
  }
}

TEST(Run, AKilledRunLeavesUnfinishedAndUntriedCells) {
  RunRecord run = campaign({{"web1", "", "host-crash", false},
                            {"web2", "", "host-crash", false},
                            {"db1", "", "host-crash", false}});
  run.end.reset();
  CellRecord& unfinished = run.cells[1];
  const std::int64_t killed = *unfinished.started_ns + 2 * s;
  std::erase_if(unfinished.steps, [&](const Step& step) { return step.at_ns > killed; });
  std::erase_if(unfinished.phases, [&](const PhaseMark& mark) { return mark.at_ns > killed; });
  unfinished.served_again_ns.reset();
  unfinished.redundant.reset();
  unfinished.end.reset();
  unfinished.finished_ns.reset();
  CellRecord untried;
  untried.plan = run.cells[2].plan;
  run.cells[2] = untried;
  std::erase_if(run.samples,
                [&](const kinds::Sample& sample) { return sample.finished_ns > killed; });

  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.cells[0].verdict, Verdict::pass);
  EXPECT_EQ(result.cells[1].verdict, Verdict::inconclusive);
  EXPECT_THAT(result.cells[1].reasons, Contains("the run ended before this cell was finished"));
  EXPECT_EQ(result.cells[2].verdict, Verdict::inconclusive);
  EXPECT_THAT(result.cells[2].reasons, ElementsAre("not executed: the run ended before"));
  EXPECT_THAT(result.reasons, Contains(HasSubstr("it was killed")));
}

TEST(Run, AKilledRunMayHaveFoundAFailureAlready) {
  RunRecord run = campaign({{"db1", "", "host-crash", true}});
  run.end.reset();
  CellRecord& cell = run.cells[0];
  const std::int64_t killed = *cell.started_ns + 3800 * ms;
  std::erase_if(cell.steps, [&](const Step& step) { return step.at_ns > killed; });
  cell.end.reset();
  cell.finished_ns.reset();
  cell.redundant.reset();
  std::erase_if(cell.phases, [&](const PhaseMark& mark) { return mark.at_ns > killed; });
  std::erase_if(run.samples,
                [&](const kinds::Sample& sample) { return sample.finished_ns > killed; });
  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.spofs.size(), 1U);
  EXPECT_EQ(result.spofs[0].faults[0].outage.upper, std::nullopt);
}

TEST(Run, InterruptedAndDamagedRunsDoNotPass) {
  RunRecord run = campaign({{"web1", "", "host-crash", false}});
  run.end = RunEnd{"interrupted", ""};
  EXPECT_EQ(judge(run).exit_code, 3);
  run.end = RunEnd{"complete", ""};
  run.damage = {"events.ndjson:7: this is no JSON object"};
  EXPECT_EQ(judge(run).exit_code, 3);
  EXPECT_THAT(judge(run).reasons, ElementsAre(HasSubstr("events.ndjson:7")));
}

TEST(Run, AnOutageOfOneCellDoesNotLeakIntoTheNext) {
  const RunResult result =
      judge(campaign({{"db1", "", "host-crash", true}, {"web1", "", "host-crash", false}}));
  EXPECT_EQ(result.cells[0].verdict, Verdict::fail);
  EXPECT_EQ(result.cells[1].verdict, Verdict::pass);
  EXPECT_EQ(result.cells[1].counts.failed, 0U);
}

TEST(Run, WhatWasPredictedIsHeldAgainstWhatWasSeen) {
  RunRecord run = campaign({{"web1", "", "host-crash", false},
                            {"web2", "", "host-crash", true},
                            {"db1", "", "host-crash", false},
                            {"db2", "", "host-crash", true},
                            {"mon1", "", "host-crash", true}});
  run.cells[0].plan.predicted = run.cells[1].plan.predicted = "survives";
  run.cells[2].plan.predicted = run.cells[3].plan.predicted = "breaks";
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells[0].agreement, Agreement::agrees);
  EXPECT_EQ(result.cells[1].agreement, Agreement::fake_redundancy);
  EXPECT_EQ(result.cells[2].agreement, Agreement::too_pessimistic);
  EXPECT_EQ(result.cells[3].agreement, Agreement::agrees);
  EXPECT_FALSE(result.cells[4].agreement) << "nothing was predicted";
}

TEST(Run, WhatIsInconclusiveAgreesWithNothing) {
  RunRecord run = campaign({{"web1", "", "host-crash", false}, {"web2", "", "host-crash", true}});
  for (CellRecord& cell : run.cells) {
    cell.plan.predicted = "survives";
    std::erase_if(cell.steps, [](const Step& step) { return step.step == "confirm"; });
  }
  for (const CellResult& cell : judge(run).cells) EXPECT_FALSE(cell.agreement) << cell.plan.id;
}

}  // namespace
}  // namespace nospof::verdict
