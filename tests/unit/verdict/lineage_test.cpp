// Which routes were used before the first fault, and connections that no flow allows.

#include "verdict/lineage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/lineage.hpp"
#include "tests/unit/verdict/judged.hpp"

namespace nospof::verdict {
namespace {

using test::always_ok;
using test::first_cell;
using test::injected;
using test::ms;
using test::s;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string to_db1 = "app1 -> db1:3306/tcp";
const std::string to_db2 = "app1 -> db2:3306/tcp";
const std::string flow = "app -> db:3306/tcp";

Sighting route(std::int64_t at_ns, const std::string& subject, bool used) {
  return {at_ns + ms, "connections", "app1", {at_ns, 0, "idle-route", subject, flow, false, used}};
}

/// A good cell; app1 has looked from two seconds before it on.
RunRecord watched_run() {
  RunRecord run = test::one_cell_run(always_ok);
  run.observers = {{"connections", "connections", "app1"}};
  for (std::int64_t at = first_cell - 2 * s; at < first_cell + test::cell_length; at += s)
    run.looks.push_back({"connections", "app1", {at, at + ms, 3, 0}});
  run.sightings = {route(first_cell - 2 * s, to_db1, false),
                   route(first_cell - 2 * s, to_db2, false), route(first_cell - s, to_db1, true)};
  return run;
}

Sighting unknown(std::int64_t at_ns, std::uint64_t count) {
  return {at_ns + ms,
          "connections",
          "app1",
          {at_ns, at_ns - s, "unknown-connection", "app1 -> db1:22/tcp", "no flow", true, false,
           count}};
}

TEST(Lineage, ARouteThatNothingUsedBeforeTheFirstFaultIsIdle) {
  RunRecord run = watched_run();
  run.sightings.push_back(route(injected + s, to_db2, true));
  const Lineage lineage = judge(run).lineage;
  EXPECT_EQ(lineage.baseline, Nanoseconds(injected - first_cell + 2 * s));
  ASSERT_EQ(lineage.flows.size(), 1U);
  EXPECT_EQ(lineage.flows[0].flow, flow);
  EXPECT_THAT(lineage.flows[0].used, ElementsAre(to_db1));
  EXPECT_THAT(lineage.flows[0].idle, ElementsAre(to_db2)) << "the fault made it to be used";
  EXPECT_EQ(judge(run).verdict, Verdict::pass) << "it is no violation";
}

TEST(Lineage, WhatWasUsedInOneLabWasUsed) {
  RunRecord run = watched_run();
  LabRecord other = run;
  other.sightings.push_back(route(first_cell, to_db2, true));
  run.other_labs = {other};
  CellRecord second = run.cells[0];
  second.plan.id = "web2/nginx/process-kill";
  second.lab = 2;
  run.cells.push_back(second);
  const Lineage lineage = judge(run).lineage;
  ASSERT_EQ(lineage.flows.size(), 1U);
  EXPECT_THAT(lineage.flows[0].used, ElementsAre(to_db1, to_db2));
  EXPECT_THAT(lineage.flows[0].idle, IsEmpty());
}

TEST(Lineage, WithoutAFaultOrWithoutLooksNothingIsKnown) {
  RunRecord run = watched_run();
  run.sightings.clear();
  EXPECT_THAT(judge(run).lineage.flows, IsEmpty());
  EXPECT_TRUE(report::lineage_json(judge(run).lineage).is_null());
  EXPECT_THAT(report::lineage_lines(judge(run).lineage), IsEmpty());
  EXPECT_EQ(report::lineage_markdown(judge(run).lineage), "");
  run = watched_run();
  run.cells[0].steps.clear();
  EXPECT_THAT(judge(run).lineage.flows, IsEmpty());
}

TEST(Lineage, IsReportedByFlow) {
  const Lineage lineage = judge(watched_run()).lineage;
  EXPECT_THAT(report::lineage_lines(lineage),
              ElementsAre(HasSubstr("1 of 2 allowed routes were used in the 3"),
                          "app -> db:3306/tcp: 1 of 2 routes used; idle: app1 -> db2"));
  EXPECT_THAT(report::lineage_markdown(lineage), HasSubstr("\n## Lineage\n"));
  const auto json = report::lineage_json(lineage).as_object();
  EXPECT_EQ(json.at("routes").to_number<int>(), 2);
  EXPECT_EQ(json.at("used").to_number<int>(), 1);
  const auto& of_flow = json.at("flows").as_array().at(0).as_object();
  EXPECT_EQ(of_flow.at("used").as_array().at(0).as_string(), to_db1);
  EXPECT_EQ(of_flow.at("idle").as_array().at(0).as_string(), to_db2);
}

TEST(Lineage, LongListsOfIdleRoutesAreCutForPeople) {
  Lineage lineage{Nanoseconds(s), {{flow, {}, {}}}};
  for (int i = 1; i <= 10; ++i)
    lineage.flows[0].idle.push_back("app1 -> db" + std::to_string(i) + ":3306/tcp");
  EXPECT_THAT(report::lineage_lines(lineage).at(1), HasSubstr("app1 -> db8 and 2 more"));
  EXPECT_EQ(report::lineage_json(lineage).at("flows").at(0).at("idle").as_array().size(), 10U);
}

TEST(Lineage, AConnectionThatNoFlowAllowsFailsTheCellInWhichItBegan) {
  RunRecord run = watched_run();
  run.sightings.push_back(unknown(injected + s, 1));
  run.sightings.push_back(unknown(injected + 2 * s, 3));
  const CellResult cell = test::judged(run);
  EXPECT_EQ(cell.verdict, Verdict::fail);
  EXPECT_EQ(cell.seen.unknown, 1U);
  EXPECT_THAT(cell.reasons, ElementsAre("unknown-connection: app1 -> db1:22/tcp (seen on app1: no "
                                        "flow; 3 times)"));
  EXPECT_EQ(judge(run).exit_code, 1);
}

TEST(Lineage, OneThatWasThereBeforeAnyFaultIsAFindingOfTheRun) {
  RunRecord run = watched_run();
  run.sightings.push_back(unknown(first_cell - s, 1));
  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.cells[0].verdict, Verdict::pass);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].kind, "connections");
  EXPECT_EQ(result.findings[0].subject, "app1 -> db1:22/tcp");
}

}  // namespace
}  // namespace nospof::verdict
