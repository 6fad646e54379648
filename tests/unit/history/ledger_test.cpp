#include "history/ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof::history {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

LedgerWrite write(Row row, std::int64_t session, std::int64_t begun, std::int64_t ended,
                  Outcome outcome = Outcome::ok) {
  return {row, session, outcome, begun, ended};
}

LedgerRead read(std::vector<Row> rows, std::int64_t session, std::int64_t begun,
                std::int64_t ended) {
  return {session, begun, ended, {}, std::move(rows)};
}

LedgerRead read_row(std::int64_t id, std::vector<Row> rows, std::int64_t session,
                    std::int64_t begun) {
  return {session, begun, begun + 1, id, std::move(rows)};
}

LedgerReport check(const Ledger& ledger, StaleReads stale = StaleReads::any) {
  return check_ledger(ledger, stale);
}

TEST(Ledger, CountsEachIdInOneClass) {
  const LedgerReport report =
      check({.writes = {write({1, {}}, 0, 0, 1), write({2, {}}, 0, 2, 3),
                        write({3, {}}, 0, 4, 5, Outcome::unknown),
                        write({4, {}}, 0, 6, 7, Outcome::unknown),
                        write({5, {}}, 0, 8, 9, Outcome::failed), write({6, {}}, 0, 12, 13)},
             .reads = {read({{1, {}}, {3, {}}}, 1, 10, 11)}});
  EXPECT_EQ(report.ok, 1U);
  EXPECT_EQ(report.lost, 1U);
  EXPECT_EQ(report.unacknowledged, 1U);
  EXPECT_EQ(report.absent, 2U);
  EXPECT_EQ(report.unjudged, 1U);
  EXPECT_EQ(report.verdict, Verdict::violation);
  EXPECT_THAT(report.findings, ElementsAre(LedgerFinding{Wrong::lost, 2, 1, 0, {}}));
}

TEST(Ledger, NothingIsOkWithoutAFinalReadOrAnAcknowledgement) {
  EXPECT_EQ(check({}).verdict, Verdict::undecided);
  EXPECT_EQ(check({.writes = {write({1, {}}, 0, 0, 1)}, .reads = {}}).verdict, Verdict::undecided);
  EXPECT_EQ(
      check({.writes = {write({1, {}}, 0, 0, 1)}, .reads = {read_row(1, {{1, {}}}, 0, 2)}}).verdict,
      Verdict::undecided);
  EXPECT_EQ(
      check({.writes = {write({1, {}}, 0, 0, 1, Outcome::unknown)}, .reads = {read({}, 0, 2, 3)}})
          .verdict,
      Verdict::undecided);
  // Row 2 was acknowledged after the final read.
  EXPECT_EQ(check({.writes = {write({1, {}}, 0, 0, 1), write({2, {}}, 0, 4, 5)},
                   .reads = {read({{1, {}}}, 0, 2, 3)}})
                .verdict,
            Verdict::undecided);
  EXPECT_EQ(
      check({.writes = {write({1, {}}, 0, 0, 1)}, .reads = {read({{1, {}}}, 0, 2, 3)}}).verdict,
      Verdict::ok);
}

TEST(Ledger, ARowIsAllowedToBeThereAsSoonAsItIsTried) {
  // The read overlaps the write, so both answers are right.
  for (const std::vector<Row>& rows : {std::vector<Row>{}, std::vector<Row>{{1, {}}}}) {
    const LedgerReport report = check({.writes = {write({1, {}}, 0, 2, 8)},
                                       .reads = {read(rows, 1, 5, 6), read({{1, {}}}, 1, 9, 10)}});
    EXPECT_EQ(report.verdict, Verdict::ok);
    EXPECT_THAT(report.findings, IsEmpty());
  }
  // Before the write had begun, it is nobody's.
  EXPECT_EQ(check({.writes = {write({1, {}}, 0, 7, 8)},
                   .reads = {read({{1, {}}}, 1, 5, 6), read({{1, {}}}, 1, 9, 10)}})
                .never_written,
            1U);
}

TEST(Ledger, TellsWhoseWriteAStaleReadMisses) {
  const Ledger ledger{.writes = {write({1, {}}, 0, 0, 1), write({2, {}}, 1, 0, 1)},
                      .reads = {read({{2, {}}}, 0, 2, 3), read({{2, {}}}, 1, 4, 5),
                                read_row(1, {}, 2, 6), read({{1, {}}, {2, {}}}, 2, 8, 9)}};
  const LedgerReport report = check(ledger);
  EXPECT_EQ(report.stale_own, 1U);
  EXPECT_EQ(report.stale_other, 2U);
  EXPECT_EQ(report.ok, 2U);
  EXPECT_THAT(report.findings, ElementsAre(LedgerFinding{Wrong::stale_own, 1, 0, 0, {}},
                                           LedgerFinding{Wrong::stale_other, 1, 0, 1, {}},
                                           LedgerFinding{Wrong::stale_other, 1, 0, 2, {}}));
  EXPECT_EQ(report.verdict, Verdict::violation);
  EXPECT_EQ(check(ledger, StaleReads::own).verdict, Verdict::violation);
  EXPECT_EQ(check(ledger, StaleReads::allowed).verdict, Verdict::ok);
}

TEST(Ledger, StaleReadsOfOthersMayBeAllowed) {
  const Ledger ledger{.writes = {write({1, {}}, 0, 0, 1)},
                      .reads = {read({}, 1, 2, 3), read({{1, {}}}, 1, 4, 5)}};
  EXPECT_EQ(check(ledger).verdict, Verdict::violation);
  EXPECT_EQ(check(ledger, StaleReads::own).verdict, Verdict::ok);
}

TEST(Ledger, AnOlderValueIsStaleAndAtTheEndLost) {
  const std::vector<LedgerWrite> writes{write({1, 10}, 0, 0, 1), write({1, 20}, 0, 2, 3)};
  const LedgerReport stale =
      check({.writes = writes, .reads = {read_row(1, {{1, 10}}, 0, 4), read({{1, 20}}, 0, 6, 7)}});
  EXPECT_THAT(stale.findings, ElementsAre(LedgerFinding{Wrong::stale_own, 1, 1, 0, 10}));
  const LedgerReport lost = check({.writes = writes, .reads = {read({{1, 10}}, 0, 4, 5)}});
  EXPECT_THAT(lost.findings, ElementsAre(LedgerFinding{Wrong::lost, 1, 1, 0, 10}));
  EXPECT_EQ(lost.lost, 1U);
  EXPECT_EQ(lost.ok, 0U);
}

TEST(Ledger, AnOlderValueOfAnUnknownWriteMayComeLate) {
  EXPECT_EQ(check({.writes = {write({1, 10}, 0, 0, 1, Outcome::unknown), write({1, 20}, 0, 2, 3)},
                   .reads = {read({{1, 10}}, 0, 4, 5)}})
                .verdict,
            Verdict::ok);
  // Two acknowledged writes at the same time: either may have been the last.
  EXPECT_EQ(check({.writes = {write({1, 10}, 0, 0, 3), write({1, 20}, 1, 2, 5)},
                   .reads = {read({{1, 10}}, 0, 6, 7)}})
                .verdict,
            Verdict::ok);
}

TEST(Ledger, FindsRowsThatAreThereTwiceOrOfNobodysMaking) {
  const LedgerReport report =
      check({.writes = {write({1, 10}, 0, 0, 1)},
             .reads = {read({{1, 10}, {1, 10}, {2, {}}, {1, 11}}, 0, 2, 3)}});
  EXPECT_EQ(report.duplicated, 1U);
  EXPECT_EQ(report.never_written, 2U);
  EXPECT_EQ(report.lost, 0U);
  EXPECT_THAT(report.findings, ElementsAre(LedgerFinding{Wrong::duplicated, 1, {}, 0, 10},
                                           LedgerFinding{Wrong::never_written, 2, {}, 0, {}},
                                           LedgerFinding{Wrong::never_written, 1, {}, 0, 11}));
}

TEST(Ledger, ALostRowMakesNoReadStale) {
  const LedgerReport report =
      check({.writes = {write({1, {}}, 0, 0, 1)}, .reads = {read({}, 0, 2, 3), read({}, 0, 4, 5)}});
  EXPECT_EQ(report.lost, 1U);
  EXPECT_EQ(report.stale_own + report.stale_other, 0U);
}

}  // namespace
}  // namespace nospof::history
