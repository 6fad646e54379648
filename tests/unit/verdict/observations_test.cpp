// What the probes that look saw, cell by cell and before all of them.

#include "verdict/observations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict/judged.hpp"

namespace nospof::verdict {
namespace {

using test::always_ok;
using test::first_cell;
using test::injected;
using test::judged;
using test::ms;
using test::s;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t cell_end = first_cell + test::cell_length;

/// A good cell at which probes of these kinds look once a second, from web1 and web2.
RunRecord observed_run(const std::vector<std::string>& kinds) {
  RunRecord run = test::one_cell_run(always_ok);
  for (const std::string& kind : kinds)
    for (const char* host : {"web1", "web2"}) {
      run.observers.push_back({kind, kind, host});
      for (std::int64_t at = first_cell; at < cell_end; at += s)
        run.looks.push_back({kind, host, {at, at + s, 10, 1}});
    }
  for (const char* host : {"web1", "web2"}) run.observer_starts.push_back({first_cell - s, host});
  run.lab_ups_ns = {first_cell - 2 * s};
  return run;
}

Sighting sighting(const std::string& probe, const std::string& host, std::int64_t at_ns,
                  const std::string& what, const std::string& subject, bool violation,
                  bool over = false) {
  return {
      at_ns + ms, probe, host, {at_ns, at_ns - 100 * ms, what, subject, "seen", violation, over}};
}

TEST(Observations, SayWhoLookedAndWhoCouldTellNothing) {
  RunRecord run = observed_run({"firewall", "tls-path"});
  std::erase_if(run.looks, [](const Look& look) { return look.probe == "tls-path"; });
  run.looks.push_back({"tls-path", "web1", {injected, injected + s, 4, 4}});
  const CellResult cell = judged(run);
  EXPECT_THAT(cell.seen.looked, ElementsAre("firewall"));
  EXPECT_THAT(cell.seen.blind, ElementsAre("tls-path"));
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, ElementsAre(HasSubstr("no tls-path probe could tell anything")));
}

TEST(Observations, OneThatSeesDoesNotMakeUpForAnotherThatIsAlwaysBlind) {
  RunRecord run = observed_run({"tls-path"});
  run.looks.front().round.undecided = run.looks.front().round.checked;
  EXPECT_EQ(judge(run).verdict, Verdict::pass) << "another look told something";
  for (Look& look : run.looks)
    if (look.host == "web2") look.round.undecided = look.round.checked;
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  const RunResult result = judge(run);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_THAT(result.reasons,
              ElementsAre(HasSubstr("tls-path on web2 could tell nothing in the whole run")));
  for (Look& look : run.looks)
    if (look.host == "web2") look.round = {look.round.begin_ns, look.round.end_ns, 0, 0};
  EXPECT_EQ(judge(run).verdict, Verdict::pass) << "there was nothing to check";
}

TEST(Observations, ACellWithoutFindingsPasses) {
  const CellResult cell = judged(observed_run({"firewall", "tls-path"}));
  EXPECT_EQ(cell.verdict, Verdict::pass);
  EXPECT_THAT(cell.seen.blind, IsEmpty());
}

TEST(Observations, AViolationThatBeginsInACellFailsItWhateverTheBudget) {
  RunRecord run = observed_run({"plaintext-canary"});
  const std::string flow = "198.18.0.21 -> 198.18.0.31:8443/tcp";
  for (const char* host : {"web1", "web2"})
    run.sightings.push_back(
        sighting("plaintext-canary", host, injected + s, "plaintext", flow, true));
  const CellResult cell = judged(run);
  EXPECT_EQ(cell.verdict, Verdict::fail);
  EXPECT_EQ(cell.seen.clear_text, 1U) << "seen by two, and still one";
  EXPECT_THAT(cell.reasons, ElementsAre(HasSubstr(flow)));
  EXPECT_THAT(judge(run).findings, IsEmpty());
  EXPECT_EQ(judge(run).exit_code, 1);
}

TEST(Observations, WhatStoodBeforeIsTheRunsAndNotTheCells) {
  RunRecord run = observed_run({"firewall"});
  for (const char* host : {"web1", "web2"})
    run.sightings.push_back(
        sighting("firewall", host, first_cell - 500 * ms, "open", "client -> db1:3306/tcp", true));
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells[0].verdict, Verdict::pass);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].subject, "client -> db1:3306/tcp");
  EXPECT_THAT(result.findings[0].hosts, ElementsAre("web1", "web2"));
  EXPECT_EQ(result.verdict, Verdict::fail);
  EXPECT_EQ(result.exit_code, 1);
}

TEST(Observations, WhatAFaultHidesForAWhileIsNotItsDoing) {
  RunRecord run = observed_run({"firewall"});
  const std::string hole = "client -> web1:443/tcp";
  run.sightings = {sighting("firewall", "web1", first_cell - 500 * ms, "open", hole, true),
                   sighting("firewall", "web1", injected + s, "open", hole, true, true),
                   sighting("firewall", "web1", injected + 3 * s, "open", hole, true)};
  const RunResult result = judge(run);
  EXPECT_EQ(result.cells[0].verdict, Verdict::pass);
  EXPECT_THAT(result.spofs, IsEmpty());
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.verdict, Verdict::fail);
}

TEST(Observations, WhatIsOverBeforeTheFirstInjectionWasTheStart) {
  RunRecord run = observed_run({"monitoring"});
  run.sightings = {
      sighting("monitoring", "web1", first_cell - 800 * ms, "unmonitored", "app2", true),
      sighting("monitoring", "web1", first_cell + 100 * ms, "unmonitored", "app2", true, true)};
  EXPECT_THAT(judge(run).findings, IsEmpty());
  EXPECT_EQ(judge(run).verdict, Verdict::pass);
}

TEST(Observations, AFaultThatShowsABadCertificateIsNoViolation) {
  RunRecord run = observed_run({"tls-path"});
  run.sightings = {
      sighting("tls-path", "web1", injected + s, "tls-expired", "hop: lb1 -> web1:443", true)};
  EXPECT_EQ(judged(run).seen.tls, 1U);
  run.cells[0].caused = {kinds::Outcome::tls_expired};
  EXPECT_EQ(judged(run).seen.tls, 0U);
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  ASSERT_EQ(judge(run).findings.size(), 1U) << "it is still there when all is over";
  EXPECT_EQ(judge(run).exit_code, 1);
  run.sightings.push_back(sighting("tls-path", "web1", injected + 3 * s, "tls-expired",
                                   "hop: lb1 -> web1:443", true, true));
  EXPECT_THAT(judge(run).findings, IsEmpty());
  EXPECT_EQ(judge(run).exit_code, 0);
}

/// A second good cell after the first, and the time between them.
RunRecord observed_twice(const std::string& kind) {
  RunRecord run = observed_run({kind});
  run.cells.push_back(test::whole_cell(cell_end + 2 * s, "web2", "nginx", "process-kill"));
  const std::int64_t end = cell_end + 2 * s + test::cell_length;
  run.samples = test::stream(first_cell - s, end, always_ok);
  for (const char* host : {"web1", "web2"})
    for (std::int64_t at = cell_end; at < end; at += s)
      run.looks.push_back({kind, host, {at, at + s, 10, 1}});
  return run;
}

TEST(Observations, WhatIsOverBeforeTheNextInjectionWasNoStartEither) {
  RunRecord run = observed_twice("plaintext-canary");
  EXPECT_EQ(judge(run).exit_code, 0) << testing::PrintToString(judge(run).cells[1].reasons);
  const std::int64_t between = cell_end + 500 * ms;
  run.sightings = {
      sighting("plaintext-canary", "web1", between, "plaintext", "a -> b", true),
      sighting("plaintext-canary", "web1", between + 900 * ms, "plaintext", "a -> b", true, true)};
  ASSERT_EQ(judge(run).findings.size(), 1U);
  EXPECT_EQ(judge(run).exit_code, 1);
  run.lab_ups_ns.push_back(cell_end + 100 * ms);
  EXPECT_THAT(judge(run).findings, IsEmpty()) << "the lab was made anew";
}

TEST(Observations, LossesInAStackThatWasNotWholeAreNoFinding) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {sighting("ledger", "web1", cell_end + s, "lost-write", "loss 1", true)};
  ASSERT_EQ(judge(run).findings.size(), 1U);
  run.cells[0].redundant->ok = false;
  EXPECT_THAT(judge(run).findings, IsEmpty());
  EXPECT_EQ(judge(run).exit_code, 3);
}

TEST(Observations, AlertsTellWhenTheFaultWasNoticed) {
  RunRecord run = observed_run({"monitoring"});
  run.sightings = {
      sighting("monitoring", "web2", first_cell + 500 * ms, "alert", "Noise mon1", false),
      sighting("monitoring", "web1", injected + 2 * s, "alert", "HostDown web1", false),
      sighting("monitoring", "web2", injected + 3 * s, "alert", "PingDown web1", false),
      sighting("monitoring", "web1", injected + 5 * s, "alert", "HostDown web1", false, true)};
  const Observations seen = judged(run).seen;
  ASSERT_TRUE(seen.detected.has_value());
  EXPECT_EQ(*seen.detected, (Interval{Nanoseconds(1900 * ms), Nanoseconds(2 * s)}));
  EXPECT_EQ(seen.alert, "HostDown web1");
  EXPECT_TRUE(seen.alert_cleared);
  EXPECT_EQ(seen.false_alerts, 1U);
}

TEST(Observations, AnAlertThatFiredBeforeIsNoDetection) {
  RunRecord run = observed_run({"monitoring"});
  run.observer_starts.push_back({injected + s, "web1"});
  run.sightings = {
      sighting("monitoring", "web1", first_cell + 500 * ms, "alert", "Noise mon1", false),
      // The other server says so later; the first one, restarted, says so again.
      sighting("monitoring", "web2", injected + 500 * ms, "alert", "Noise mon1", false),
      sighting("monitoring", "web1", injected + 2 * s, "alert", "Noise mon1", false)};
  EXPECT_FALSE(judged(run).seen.detected.has_value());
}

TEST(Observations, AnAlertIsClearedWhenItIsOverWithinTheCell) {
  RunRecord run = observed_run({"monitoring"});
  run.sightings = {
      sighting("monitoring", "web1", injected + s, "alert", "HostDown web1", false),
      sighting("monitoring", "web1", cell_end + 5 * s, "alert", "HostDown web1", false, true)};
  EXPECT_FALSE(judged(run).seen.alert_cleared);
}

TEST(Observations, TheVipsOwnersAreTimedAsTheLinkSeesThem) {
  RunRecord run = observed_run({"vip"});
  run.sightings = {
      sighting("vip", "web1", injected + s, "no-owner", "198.18.0.10", false),
      sighting("vip", "web1", injected + 1500 * ms, "no-owner", "198.18.0.10", false, true),
      sighting("vip", "web1", injected + 2 * s, "two-owners", "198.18.0.10", false)};
  const Observations seen = judged(run).seen;
  EXPECT_EQ(seen.without_owner, (Interval{Nanoseconds(400 * ms), Nanoseconds(600 * ms)}));
  EXPECT_EQ(seen.with_two_owners, (Interval{Nanoseconds(0), std::nullopt})) << "never over";
}

TEST(Observations, AllowedFlowsCountAsClosedOnlyWhileNothingIsBroken) {
  RunRecord run = observed_run({"firewall"});
  run.sightings = {
      sighting("firewall", "web1", injected + s, "closed", "lb1 -> web1:443/tcp", false),
      sighting("firewall", "web1", injected + 3 * s, "closed", "lb1 -> web1:443/tcp", false, true),
      sighting("firewall", "web1", injected + 4 * s, "closed", "lb1 -> web2:443/tcp", false)};
  EXPECT_THAT(judged(run).seen.closed, ElementsAre(HasSubstr("lb1 -> web2:443/tcp")));
}

TEST(Observations, AProbeThatBeginsAnewTellsAgainWhatStillIs) {
  RunRecord run = observed_run({"vip"});
  run.sightings = {sighting("vip", "web1", injected + s, "no-owner", "198.18.0.10", false),
                   sighting("vip", "web1", injected + 3 * s, "no-owner", "198.18.0.10", false)};
  EXPECT_EQ(spans_of(run).size(), 1U);
  run.observer_starts.push_back({injected + 2 * s, "web1"});
  const std::vector<Span> spans = spans_of(run);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].over_ns, injected + 2 * s);
}

TEST(Observations, WhatAProbeThatBeginsAnewDoesNotTellAgainIsOver) {
  RunRecord run = observed_run({"firewall"});
  run.sightings = {
      sighting("firewall", "web1", injected + s, "closed", "lb1 -> web1:443/tcp", false)};
  run.observer_starts.push_back({injected + 2 * s, "web1"});
  EXPECT_EQ(spans_of(run).at(0).over_ns, injected + 2 * s);
  EXPECT_THAT(judged(run).seen.closed, IsEmpty());
}

TEST(Observations, NobodyKnowsHowLongItLastedThatWasThereWhenItsProbeBegan) {
  RunRecord run = observed_run({"vip"});
  Sighting begun = sighting("vip", "web1", injected + s, "no-owner", "198.18.0.10", false);
  begun.finding.since_ns = 0;
  run.sightings = {
      begun, sighting("vip", "web1", injected + 2 * s, "no-owner", "198.18.0.10", false, true)};
  const Observations seen = judged(run).seen;
  EXPECT_EQ(seen.without_owner, (Interval{Nanoseconds(900 * ms), std::nullopt}));
}

Sighting loss(std::int64_t at_ns, const std::string& subject, std::uint64_t count,
              bool over = false) {
  Sighting told = sighting("ledger", "web1", at_ns, "lost-write", subject, true, over);
  told.finding.count = count;
  return told;
}

TEST(Observations, LostWritesAreCountedAsWrites) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(injected + 2 * s, "loss 1", 46), loss(injected + 3 * s, "loss 2", 4)};
  EXPECT_EQ(judged(run).seen.lost_writes, 50U);
  EXPECT_EQ(judged(run).seen.stale_reads, 0U);
  EXPECT_EQ(judged(run).verdict, Verdict::fail);
}

TEST(Observations, WritesThatAreBackAtTheEndOfTheCellAreNotLostButStale) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(injected + 2 * s, "loss 1", 46),
                   loss(injected + 3 * s, "loss 1", 46, true)};
  EXPECT_EQ(judged(run).seen.lost_writes, 0U);
  EXPECT_EQ(judged(run).seen.stale_reads, 46U);
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
  EXPECT_THAT(judge(run).findings, IsEmpty());
}

TEST(Observations, WritesOfWhichSomeAreBackAreLostAsFarAsTheyAreNot) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(injected + 2 * s, "loss 1", 46), loss(injected + 3 * s, "loss 1", 6)};
  EXPECT_EQ(judged(run).seen.lost_writes, 6U);
  EXPECT_EQ(judged(run).seen.stale_reads, 40U);
  EXPECT_EQ(judged(run).verdict, Verdict::fail);
}

TEST(Observations, WritesThatComeBackAfterTheCellWereReadStaleInIt) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(injected + 2 * s, "loss 1", 46), loss(cell_end + s, "loss 1", 46, true)};
  EXPECT_EQ(judged(run).seen.lost_writes, 0U);
  EXPECT_EQ(judged(run).seen.stale_reads, 46U);
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
}

TEST(Observations, WritesThatAreMissingInAStackThatIsNotWholeAreADoubt) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(injected + 2 * s, "loss 1", 46)};
  run.cells.at(0).redundant->ok = false;
  EXPECT_EQ(judged(run).seen.lost_writes, 46U);
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  run.cells.at(0).redundant.reset();
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
}

TEST(Observations, ALedgerThatBeginsAnewForgetsNoLoss) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(injected + 2 * s, "loss 1", 46), loss(injected + 4 * s, "loss 1", 3),
                   loss(injected + 5 * s, "loss 1", 3, true)};
  run.observer_starts.push_back({injected + 3 * s, "web1"});
  EXPECT_EQ(judged(run).seen.lost_writes, 46U);
  EXPECT_EQ(judged(run).seen.stale_reads, 3U) << "a loss of the new one";
}

TEST(Observations, ALossOfALedgerThatBeganAnewIsNewsThoughItIsCalledLikeAnEarlierOne) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(first_cell, "loss 1", 46), loss(injected + 4 * s, "loss 1", 3)};
  run.observer_starts.push_back({first_cell + 100 * ms, "web1"});
  EXPECT_EQ(judged(run).seen.losses.size(), 1U);
  EXPECT_EQ(judged(run).seen.lost_writes, 3U);
}

TEST(Observations, LossesThatAreFoundAfterAllCellsAreTheRuns) {
  RunRecord run = observed_run({"ledger"});
  run.sightings = {loss(cell_end + s, "loss 1", 2)};
  EXPECT_EQ(judged(run).seen.lost_writes, 0U);
  ASSERT_EQ(judge(run).findings.size(), 1U);
  EXPECT_EQ(judge(run).exit_code, 1);
  run.sightings.push_back(loss(cell_end + 2 * s, "loss 1", 2, true));
  EXPECT_THAT(judge(run).findings, IsEmpty());
}

TEST(Observations, StaleReadsAreCountedAndAreNoViolation) {
  RunRecord run = observed_run({"ledger"});
  for (const std::int64_t at : {first_cell, injected + s, injected + 2 * s}) {
    run.sightings.push_back(
        sighting("ledger", "web1", at, "stale-read", "acknowledged writes", false));
    run.sightings.back().finding.count = 2;
  }
  EXPECT_EQ(judged(run).seen.stale_reads, 4U) << "not what was before the fault";
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
}

TEST(Observations, ALedgerThatWasNotReadAfterHealingCanTellNothing) {
  RunRecord run = observed_run({"ledger"});
  const std::int64_t healed = first_cell + test::healed_after;
  std::erase_if(run.looks, [&](const Look& look) { return look.round.begin_ns >= healed; });
  EXPECT_THAT(judged(run).seen.blind, ElementsAre("ledger"));
  EXPECT_EQ(judged(run).verdict, Verdict::inconclusive);
  for (const char* host : {"web1", "web2"})
    run.looks.push_back({"ledger", host, {healed, healed + s, 10, 9}});
  EXPECT_EQ(judged(run).verdict, Verdict::pass);
}

}  // namespace
}  // namespace nospof::verdict
