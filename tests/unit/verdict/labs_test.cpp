// A run in two labs: each cell is judged by its own lab alone, and what was tried again by its last
// try.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.hpp"
#include "report/words.hpp"
#include "system/fd.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/verdict/run_folder.hpp"
#include "tests/unit/verdict/scenario.hpp"
#include "verdict/in_lab.hpp"
#include "verdict/judge.hpp"

namespace nospof::verdict {
namespace {

using test::cell_length;
using test::first_cell;
using test::ms;
using test::s;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t injected = first_cell + test::injected_after;

CellRecord in(int lab, std::int64_t at, const std::string& host, int beside = 1) {
  CellRecord cell = test::whole_cell(at, host, "nginx", "process-kill");
  cell.lab = lab;
  cell.beside = beside;
  return cell;
}

/// At the same time one cell in each lab; the second lab's requests go as `second` says.
RunRecord two_labs(const std::function<kinds::Outcome(std::int64_t)>& second) {
  RunRecord run = test::empty_run();
  run.cells = {in(1, first_cell, "web1"), in(2, first_cell, "web2")};
  run.samples = test::stream(first_cell - s, first_cell + cell_length, test::always_ok);
  run.other_labs.resize(1);
  run.other_labs[0].samples = test::stream(first_cell - s, first_cell + cell_length, second);
  return run;
}

TEST(TwoLabs, EachCellIsJudgedByTheSamplesOfItsOwn) {
  const RunRecord run = two_labs(test::fails_between(injected + s, injected + 1500 * ms));
  const RunResult result = judge(run);
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_EQ(result.cells[0].counts.failed, 0U);
  EXPECT_EQ(result.cells[1].counts.failed, 25U);
  EXPECT_EQ(result.traffic.requests.failed, 25U) << "of both labs";
  EXPECT_EQ(result.traffic.requests.total, 700U);
  EXPECT_EQ(judge_cell(run, 1).counts.failed, 25U);
  EXPECT_EQ(result.cells[1].lab, 2);
}

TEST(TwoLabs, ABadBaselineInOneIsNoDoubtInTheOther) {
  const RunResult result =
      judge(two_labs(test::fails_between(first_cell + 500 * ms, first_cell + 600 * ms)));
  EXPECT_EQ(result.cells[0].verdict, Verdict::pass);
  EXPECT_EQ(result.cells[1].verdict, Verdict::inconclusive);
}

TEST(TwoLabs, WhatFailsBesideAnotherLabIsOpenUntilItIsTriedAlone) {
  const RunResult result = judge(two_labs(test::fails_between(injected, injected + 3 * s)));
  EXPECT_EQ(result.cells[1].verdict, Verdict::inconclusive);
  EXPECT_THAT(result.cells[1].reasons, testing::Contains(HasSubstr("ran beside 1 other lab")));
  EXPECT_THAT(to_repeat(result, true), ElementsAre(1U));
  EXPECT_THAT(result.spofs, IsEmpty());
  EXPECT_EQ(result.exit_code, 3);
}

TEST(TwoLabs, HowBusyTheMachineWasIsToldWithWhatFailed) {
  RunRecord run = two_labs(test::fails_between(injected, injected + 3 * s));
  run.cells[1].cpu_idle = 0.031;
  EXPECT_THAT(judge(run).cells[1].reasons,
              testing::Contains(HasSubstr("with 3% of its CPU time idle")));
}

/// The second cell was tried again alone, in the first lab, and went as `again` says.
RunRecord tried_again(const std::function<kinds::Outcome(std::int64_t)>& again) {
  RunRecord run = two_labs(test::fails_between(injected, injected + 3 * s));
  const std::int64_t later = first_cell + 20 * s;
  CellRecord next = in(1, later, "web2", 0);
  next.earlier = {run.cells[1]};
  run.lab_ups_ns = {first_cell - 2 * s, later - 2 * s};
  run.cells[1] = next;
  const auto more = test::stream(later - s, later + cell_length, again);
  run.samples.insert(run.samples.end(), more.begin(), more.end());
  return run;
}

TEST(TwoLabs, TheLastTryCountsAndTheFirstIsKept) {
  const RunResult result = judge(tried_again(test::always_ok));
  EXPECT_EQ(result.verdict, Verdict::pass)
      << testing::PrintToString(result.cells[1].reasons) << testing::PrintToString(result.reasons);
  ASSERT_EQ(result.cells[1].earlier.size(), 1U);
  const EarlierTry& earlier = result.cells[1].earlier[0];
  EXPECT_EQ(earlier.lab, 2);
  EXPECT_EQ(earlier.beside, 1);
  EXPECT_EQ(earlier.verdict, Verdict::inconclusive);
  EXPECT_THAT(earlier.reasons, testing::Contains(HasSubstr("outage of")));
  EXPECT_THAT(to_repeat(result, true), IsEmpty());
}

TEST(TwoLabs, WhatFailsAloneFails) {
  const std::int64_t later = first_cell + 20 * s + test::injected_after;
  const RunResult result = judge(tried_again(test::fails_between(later, later + 3 * s)));
  EXPECT_EQ(result.cells[1].verdict, Verdict::fail);
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.spofs.size(), 1U);
  EXPECT_EQ(result.spofs[0].name, "nginx on web2");
}

// It is tried again only as its group has another cell that is open.
TEST(TwoLabs, WhatFailedAloneIsNotMendedByAGoodTryLater) {
  RunRecord run = tried_again(test::always_ok);
  run.cells[1].earlier[0].beside = 0;
  run.cells[1].plan.predicted = "survives";
  run.outage_budget = std::chrono::seconds(2);
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells[1].verdict, Verdict::fail);
  EXPECT_THAT(result.cells[1].reasons,
              ElementsAre(testing::AllOf(HasSubstr("in an earlier try: "), HasSubstr("outage"))));
  EXPECT_GT(result.cells[1].longest.lower, std::chrono::seconds(2));
  EXPECT_EQ(result.cells[1].agreement, Agreement::fake_redundancy);
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.spofs.size(), 1U);
  EXPECT_EQ(result.spofs[0].name, "nginx on web2");
}

TEST(TwoLabs, WhatPassedInALaterTryIsNoTrialOfTheBound) {
  const RunResult result = judge(tried_again(test::always_ok));
  EXPECT_EQ(result.passed, 2U);
  EXPECT_EQ(result.trials, 1U);
  EXPECT_EQ(result.failure_bound, failure_bound(1));
  EXPECT_THAT(report::bound_text(result), HasSubstr("1 cell passed, none failed."));
  EXPECT_THAT(report::bound_text(result),
              HasSubstr(" Not counted is 1 cell that passed and had more than one try."));
}

TEST(TwoLabs, WhatMayNeverBeFailsAtOnceAndIsNotExcusedByAGoodTryLater) {
  const auto wrong =
      test::fails_between(injected + s, injected + s + 20 * ms, kinds::Outcome::wrong_body);
  const RunResult at_once = judge(two_labs(wrong));
  EXPECT_EQ(at_once.cells[1].verdict, Verdict::fail);
  EXPECT_THAT(to_repeat(at_once, true), IsEmpty());

  RunRecord run = tried_again(test::always_ok);
  run.other_labs[0].samples = test::stream(first_cell - s, first_cell + cell_length, wrong);
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells[1].verdict, Verdict::fail);
  EXPECT_THAT(result.cells[1].reasons, ElementsAre(HasSubstr("in an earlier try: ")));
}

TEST(TwoLabs, ACellThatNobodyBeganIsTriedAgain) {
  RunRecord run = two_labs(test::always_ok);
  run.cells[1] = CellRecord{};
  run.cells[1].plan = in(2, 0, "web2").plan;
  EXPECT_THAT(to_repeat(judge(run), true), ElementsAre(1U));
}

TEST(TwoLabs, AFindingIsOfTheLabThatItWasSeenIn) {
  RunRecord run = two_labs(test::always_ok);
  const auto hole = [](std::int64_t at) {
    kinds::Finding finding;
    finding.at_ns = at;
    finding.since_ns = at - 100 * ms;
    finding.what = "open";
    finding.subject = "web1 -> web2:22/tcp";
    finding.detail = "198.18.0.2:22 is open";
    finding.violation = true;
    return Sighting{at, "firewall", "web1", finding};
  };
  run.observers = run.other_labs[0].observers = {{"firewall", "firewall", "web1"}};
  run.looks =
      run.other_labs[0].looks = {{"firewall", "web1", {injected + s, injected + 2 * s, 9, 0}}};
  run.other_labs[0].sightings = {hole(injected + s)};
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells[0].verdict, Verdict::pass);
  EXPECT_EQ(result.cells[1].verdict, Verdict::fail);
  EXPECT_EQ(result.cells[1].seen.open, 1U);

  run.sightings = run.other_labs[0].sightings = {hole(first_cell - 500 * ms)};
  ASSERT_EQ(judge(run).findings.size(), 1U) << "one that stands in both is told once";
}

TEST(TwoLabs, ComeBackFromTheRunsFolder) {
  const RunRecord run = tried_again(test::always_ok);
  const test::TemporaryFolder folder;
  test::write_run_folder(folder.path(), run);
  const RunRecord read = report::load_without_histories(folder.path());
  EXPECT_THAT(read.damage, IsEmpty());
  ASSERT_EQ(labs_of(read), 2);
  EXPECT_EQ(read.samples.size(), run.samples.size());
  EXPECT_EQ(read.other_labs[0].samples.size(), run.other_labs[0].samples.size());
  ASSERT_EQ(read.cells[1].earlier.size(), 1U);
  EXPECT_EQ(read.cells[1].earlier[0].lab, 2);
  EXPECT_EQ(read.cells[1].earlier[0].beside, 1);
  EXPECT_EQ(read.cells[1].earlier[0].steps.size(), run.cells[1].steps.size());
  EXPECT_EQ(read.cells[1].lab, 1);
  EXPECT_EQ(read.cells[1].beside, 0);
  EXPECT_EQ(judge(read).verdict, Verdict::pass);
  EXPECT_THAT(report::result_json(read, judge(read)), HasSubstr("\"earlier\": ["));
}

/// A host whose clock is that far ahead, asked shortly before the cells; the way takes 2 ms.
std::string clock_event(int lab, const std::string& host, std::int64_t ahead_ns) {
  const std::int64_t sent_ns = first_cell - s;
  return fmt::format(
      R"({{"event":"clock","mono_ns":{},"lab":{},"host":"{}","boot_id":"b{}","same":false,)"
      R"("sent_ns":{},"host_ns":{},"received_ns":{}}})"
      "\n",
      sent_ns, lab, host, lab, sent_ns, sent_ns + ms + ahead_ns, sent_ns + 2 * ms);
}

/// Two labs in each of which the client and the web server have clocks of their own, as their
/// folder comes back; `of_second`: whose clocks were compared in the second.
RunRecord read_with_clocks(const std::vector<std::string>& of_second) {
  RunRecord run = two_labs(test::fails_between(injected + s, injected + 1500 * ms));
  const auto ahead = [](int lab, const std::string& host) {
    return (lab == 1 ? 3600 : -30) * s + (host == "client" ? 0 : 7 * s);
  };
  for (int lab = 1; lab <= 2; ++lab) {
    for (kinds::Sample& sample : lab == 1 ? run.samples : run.other_labs[0].samples)
      for (std::int64_t* at_ns : {&sample.scheduled_ns, &sample.started_ns, &sample.finished_ns})
        *at_ns += ahead(lab, "client");
    CellRecord& cell = run.cells[static_cast<std::size_t>(lab) - 1];
    for (Step& step : cell.steps) step.at_ns += ahead(lab, step.host);
  }
  const test::TemporaryFolder folder;
  test::write_run_folder(folder.path(), run);
  std::string events = read_file(folder / "events.ndjson");
  for (const std::string host : {"client", "web1"}) events += clock_event(1, host, ahead(1, host));
  for (const std::string& host : of_second) events += clock_event(2, host, ahead(2, host));
  write_file(folder / "events.ndjson", events);
  return report::load_without_histories(folder.path());
}

TEST(TwoLabs, EachHasTheClocksOfItsOwnHosts) {
  const RunRecord run = read_with_clocks({"client", "web2"});
  EXPECT_THAT(run.damage, IsEmpty());
  const RunResult result = judge(run);
  EXPECT_EQ(result.verdict, Verdict::pass) << testing::PrintToString(result.reasons);
  EXPECT_EQ(result.cells[0].counts.failed, 0U);
  EXPECT_EQ(result.cells[1].counts.failed, 25U);
  for (const CellResult& cell : result.cells) {
    EXPECT_GE(cell.clock_uncertainty, Nanoseconds(ms)) << "half the way there and back";
    ASSERT_TRUE(cell.injected_ns);
    EXPECT_NEAR(static_cast<double>(*cell.injected_ns), injected, 2 * ms);
  }
  const Interval& outage = result.cells[1].longest;
  ASSERT_TRUE(outage.upper);
  EXPECT_LE(outage.lower, Nanoseconds(480 * ms) - 2 * Nanoseconds(ms)) << interval_text(outage);
  EXPECT_GE(*outage.upper, Nanoseconds(520 * ms) + 2 * Nanoseconds(ms)) << interval_text(outage);
  const std::string told = report::result_json(run, result);
  EXPECT_THAT(told, HasSubstr("\"ahead_ns\": 3600000000000"));
  EXPECT_THAT(told, HasSubstr("\"ahead_ns\": -30000000000"));
}

TEST(TwoLabs, AClockThatWasComparedInOneIsNotKnownInTheOther) {
  for (const std::vector<std::string>& compared : {std::vector<std::string>{"web2"}, {}}) {
    const RunResult result = judge(read_with_clocks(compared));
    EXPECT_EQ(result.verdict, Verdict::inconclusive);
    EXPECT_THAT(result.reasons,
                testing::Contains(HasSubstr("clock of client in lab 2 was never compared")));
  }
}

TEST(OneLab, IsWhatARunHasWhoseEventsTellNone) {
  const test::TemporaryFolder folder;
  test::write_run_folder(folder.path(), test::one_cell_run(test::always_ok));
  const RunRecord read = report::load_without_histories(folder.path());
  EXPECT_EQ(labs_of(read), 1);
  EXPECT_EQ(read.cells[0].lab, 1);
  EXPECT_EQ(judge(read).verdict, Verdict::pass);
}

}  // namespace
}  // namespace nospof::verdict
