// What probes were to look at, what of it they could tell anything about, and what differed.

#include "verdict/matrices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/matrices.hpp"
#include "tests/unit/verdict/judged.hpp"

namespace nospof::verdict {
namespace {

using test::first_cell;
using test::injected;
using test::ms;
using test::s;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string to_db1 = "app-to-db: app1 -> db1:3306";
const std::string to_db2 = "app-to-db: app1 -> db2:3306";
const std::string port = "app1 -> db1:3306/tcp";
const std::string ssh = "app1 -> db1:22/tcp";

const std::pair<std::string, std::string> hops{"tls-path", "app1"};
const std::pair<std::string, std::string> flows{"firewall", "app1"};

/// A good cell; app1 looks at two hops and two ports, and can tell something about each.
RunRecord watched_run() {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.observers = {{"tls-path", "tls-path", "app1"}, {"firewall", "firewall", "app1"}};
  for (std::int64_t at = first_cell - s; at < first_cell + test::cell_length; at += s)
    for (const ObserverInfo& observer : run.observers)
      run.looks.push_back({observer.probe, "app1", {at, at + ms, 3, 0}});
  run.expected[hops] = {{{to_db1, "tls"}, true},
                        {{to_db1, "client-certificate"}, true},
                        {{to_db2, "tls"}, true},
                        {{to_db2, "client-certificate"}, true}};
  run.expected[flows] = {{{port, "open"}, true}, {{ssh, "closed"}, true}};
  return run;
}

Sighting told(std::int64_t at_ns, const std::string& what, const std::string& subject, bool over,
              bool violation = false) {
  return {at_ns + ms, "firewall", "app1", {at_ns, at_ns - s, what, subject, "", violation, over}};
}

std::vector<std::string> of(const Matrices& matrices, const std::string& expected, bool seen) {
  for (const MatrixGroup& group : matrices.groups)
    if (group.expected == expected) return seen ? group.seen : group.undecided;
  return {};
}

TEST(Matrices, TellWhatWasSeenAndWhatNever) {
  RunRecord run = watched_run();
  run.expected[flows][0].decided = false;
  const RunResult result = judge(run);
  EXPECT_THAT(of(result.matrices, "tls", true), ElementsAre(to_db1, to_db2));
  EXPECT_THAT(of(result.matrices, "closed", true), ElementsAre(ssh));
  EXPECT_THAT(of(result.matrices, "open", true), IsEmpty());
  EXPECT_THAT(of(result.matrices, "open", false), ElementsAre(port));
  EXPECT_EQ(result.verdict, Verdict::pass) << "nobody may have listened there";
  EXPECT_EQ(result.matrices.groups.front().kind, "firewall") << "in order";
}

TEST(Matrices, AHopThatWasNeverExaminedProvesNothing) {
  for (const std::size_t place : {2U, 3U}) {
    RunRecord run = watched_run();
    run.expected[hops][place].decided = false;
    const RunResult result = judge(run);
    EXPECT_EQ(result.verdict, Verdict::inconclusive);
    EXPECT_THAT(result.reasons, ElementsAre(HasSubstr("in the whole run about " + to_db2)));
  }
}

TEST(Matrices, ThatAHopRefusesNoWeakOfferNeedNotBeKnown) {
  RunRecord run = watched_run();
  run.expected[hops].push_back({{to_db2, "no-renegotiation"}, false});
  const RunResult result = judge(run);
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_THAT(of(result.matrices, "no-renegotiation", false), ElementsAre(to_db2));
}

TEST(Matrices, AHostOfWhichNobodyKnowsThatItIsMonitoredProvesNothing) {
  const std::pair<std::string, std::string> monitored{"monitoring", "mon1"};
  RunRecord run = watched_run();
  run.observers.push_back({"monitoring", "monitoring", "mon1"});
  run.expected[monitored] = {{{"web1", "monitored"}, true}, {{"web2", "monitored"}, false}};
  run.looks.push_back({"monitoring", "mon1", {injected, injected + ms, 3, 0}});
  EXPECT_EQ(judge(run).verdict, Verdict::inconclusive);
  EXPECT_THAT(judge(run).reasons, ElementsAre(HasSubstr("about web2 (monitored, ")));

  run.expected[monitored][0].decided = false;
  EXPECT_EQ(judge(run).reasons.size(), 2U) << "it looked, and saw no host at all";
  run.looks.back().round.undecided = 3;
  EXPECT_THAT(judge(run).reasons, ElementsAre(HasSubstr("monitoring on mon1 could tell nothing")));

  run.expected[monitored] = {{{"web1", "monitored"}, true}, {{"web2", "monitored"}, true}};
  run.looks.back().round.undecided = 0;
  EXPECT_EQ(judge(run).verdict, Verdict::pass);
}

TEST(Matrices, OfAProbeThatToldNothingAtAllOneReasonIsEnough) {
  RunRecord run = watched_run();
  for (Expected& each : run.expected[hops]) each.decided = false;
  for (Look& look : run.looks)
    if (look.probe == "tls-path") look.round.undecided = look.round.checked;
  EXPECT_THAT(judge(run).reasons, ElementsAre(HasSubstr("tls-path on app1 could tell nothing")));
}

TEST(Matrices, WhatWasSeenInOneLabWasSeen) {
  RunRecord run = watched_run();
  run.other_labs = {run};
  run.expected[hops][0].decided = false;
  run.other_labs[0].expected[flows][1].decided = false;
  CellRecord second = run.cells[0];
  second.plan.id = "web2/nginx/process-kill";
  second.lab = 2;
  run.cells.push_back(second);
  const RunResult result = judge(run);
  EXPECT_THAT(of(result.matrices, "tls", true), ElementsAre(to_db1, to_db2));
  EXPECT_THAT(of(result.matrices, "closed", true), ElementsAre(ssh));
  EXPECT_EQ(result.verdict, Verdict::pass);
}

TEST(Matrices, WhatDifferedIsCounted) {
  RunRecord run = watched_run();
  run.sightings = {told(injected + s, "closed", port, false),
                   told(injected + 2 * s, "closed", port, true),
                   told(injected + 3 * s, "closed", port, false),
                   told(injected + 3 * s, "open", ssh, false, true),
                   told(injected + 3 * s, "closed", "somebody else's", false)};
  run.observers.push_back({"connections", "connections", "app1"});
  run.sightings.push_back({injected + 4 * s,
                           "connections",
                           "app1",
                           {injected + 4 * s, 0, "idle-route", port, "", false, false}});
  const RunResult result = judge(run);
  ASSERT_EQ(result.matrices.differences.size(), 2U);
  EXPECT_EQ(result.matrices.differences[0].subject, ssh);
  EXPECT_TRUE(result.matrices.differences[0].violation);
  EXPECT_EQ(result.matrices.differences[0].times, 1U);
  EXPECT_EQ(result.matrices.differences[1].what, "closed");
  EXPECT_FALSE(result.matrices.differences[1].violation);
  EXPECT_EQ(result.matrices.differences[1].times, 2U);
}

TEST(Matrices, WhereNoTlsIsNoCertificateCanBeDemanded) {
  RunRecord run = watched_run();
  run.expected[hops][3].decided = false;
  Sighting absent = told(injected + s, "tls-absent", to_db2, false, true);
  absent.probe = "tls-path";
  run.sightings = {absent};
  EXPECT_EQ(judge(run).verdict, Verdict::fail);
  EXPECT_THAT(judge(run).reasons, IsEmpty()) << "it was examined";
}

TEST(Matrices, AreReported) {
  RunRecord run = watched_run();
  run.expected[flows][0].decided = false;
  run.sightings = {told(injected + s, "open", ssh, false, true)};
  const Matrices matrices = judge(run).matrices;
  EXPECT_THAT(report::matrices_lines(matrices),
              ElementsAre("firewall: seen from 1 host: 1 closed, 0 of 1 open; never decided: " +
                              port + " (open)",
                          "firewall: open at times: " + ssh,
                          "tls-path: seen from 1 host: 2 client-certificate, 2 tls"));
  EXPECT_THAT(report::matrices_markdown(matrices), HasSubstr("\n## Matrices\n\n- firewall: "));
  const auto json = report::matrices_json(matrices).as_object();
  EXPECT_EQ(json.at("groups").at(0).at("expected"), "closed");
  EXPECT_EQ(json.at("groups").at(0).at("seen").as_array().size(), 1U);
  EXPECT_EQ(json.at("differences").at(0).at("what"), "open");
}

TEST(Matrices, OfARunThatToldNothingOfThemAreNone) {
  const Matrices matrices = judge(test::one_cell_run(test::always_ok)).matrices;
  EXPECT_TRUE(report::matrices_json(matrices).is_null());
  EXPECT_THAT(report::matrices_lines(matrices), IsEmpty());
  EXPECT_EQ(report::matrices_markdown(matrices), "");
}

}  // namespace
}  // namespace nospof::verdict
