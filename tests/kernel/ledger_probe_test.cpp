// The ledger probe against servers that lose, hide and confuse what they acknowledged. What it says
// of them, and what the histories say that it told.

#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/timerfd.h>

#include "control/history_files.hpp"
#include "history/judge.hpp"
#include "probes/ledger.hpp"
#include "system/check.hpp"
#include "tests/kernel/ledger_server.hpp"
#include "tests/kernel/ledger_told.hpp"
#include "tests/kernel/probe_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using history::Verdict;
using kinds::Finding;
using kinds::Operation;
using kinds::Round;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr const char* marker = "c0ffee00c0ffee00";

class Ledger : public testing::Test {
 protected:
  static json::object config(const std::string& scheme, int port) {
    const std::string server = fmt::format("{}://www.nospof.test:{}", scheme, port);
    return {{"write_url", server + "/write?id={id}&v={token}"},
            {"read_url", server + "/read?ids={ids}"},
            {"address", "127.0.0.1"},
            {"marker", marker},
            {"every_ns", 5'000'000},
            {"audit_every_ns", 20'000'000},
            {"timeout_ns", 20'000'000'000}};
  }
  json::object config() const { return config("http", server_.port()); }
  static std::unique_ptr<kinds::Probe> make(const json::object& wanted) {
    return probes::make_ledger()->make(wanted);
  }
  static bool good(const Round& round) { return round.undecided == 0; }
  static bool undecided(const Round& round) { return round.undecided == round.checked; }

  void wait_for_rows(std::size_t count) {
    while (store_.rows() < count) std::this_thread::sleep_for(2ms);
  }
  template <typename Condition>
  static void wait_until(Condition condition) {
    while (!condition()) std::this_thread::sleep_for(2ms);
  }
  struct Judged {
    history::Judgement ledger;
    history::Judgement registers;
  };
  /// Ends the probe and judges what it told, as it is written into a run's folder.
  Judged end(ProbeRun& probe, history::StaleReads stale = history::StaleReads::any) const {
    probe.stop();
    probe.samples();
    const TemporaryFolder folder;
    control::HistoryFiles(folder.path(), "").add(probe.operations());
    const auto judged = [&](const std::string& name) {
      history::Rules rules;
      rules.stale = stale;
      history::History lines = history::read_history(folder / (name + ".jsonl"));
      history::History edn = history::read_history(folder / (name + ".edn"));
      for (history::History* history : {&lines, &edn})
        for (history::Operation& operation : history->operations)
          operation.line = operation.return_line = 0;
      EXPECT_EQ(lines.operations, edn.operations);
      return history::judge(lines, rules);
    };
    return {judged("ledger"), judged("register")};
  }

  LedgerStore store_;
  PlainServer server_{[this](int fd) {
    if (const auto head = read_head(fd)) send_all(fd, store_.answer(*head));
  }};
};

TEST_F(Ledger, NothingIsFoundWhereNothingIsLost) {
  ProbeRun probe(make(config()));
  wait_for_rows(60);
  probe.wait_for_round(good);
  const Judged judged = end(probe);
  EXPECT_TRUE(probe.findings().empty());
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.ledger.ledger->ok, store_.rows());
  EXPECT_EQ(judged.registers.verdict, Verdict::ok);
  EXPECT_GT(judged.registers.operations, 40U);
  EXPECT_EQ(judged.ledger.unfinished + judged.registers.unfinished, 0U);
  const auto rounds = probe.rounds();
  EXPECT_EQ(rounds.back().checked, store_.rows()) << "the last one is about everything";
}

TEST_F(Ledger, WritesThatAreGoneAreLostExactly) {
  ProbeRun probe(make(config()));
  wait_for_rows(60);
  const std::int64_t before_ns = mono_ns();
  store_.forget_last(7);
  wait_until([&] { return count_of(of(probe.findings(), "lost-write")) == 7; });
  const std::int64_t after_ns = mono_ns();
  wait_for_rows(store_.rows() + 30);
  probe.wait_for_round(good);
  const Judged judged = end(probe);
  const auto lost = of(probe.findings(), "lost-write");
  EXPECT_EQ(count_of(lost), 7U) << "told once, and nothing else is missing";
  EXPECT_EQ(probe.findings().size(), lost.size());
  for (const Finding& finding : lost) {
    EXPECT_TRUE(finding.violation);
    EXPECT_THAT(finding.subject, HasSubstr("acknowledged writes"));
    EXPECT_THAT(finding.detail, HasSubstr(fmt::format("{} of ", finding.count)));
    EXPECT_THAT(finding.detail, HasSubstr(marker));
    EXPECT_LT(finding.since_ns, finding.at_ns);
    EXPECT_LE(finding.since_ns, after_ns);
    EXPECT_GE(finding.at_ns, before_ns);
  }
  EXPECT_EQ(judged.ledger.verdict, Verdict::violation);
  EXPECT_EQ(judged.ledger.ledger->lost, 7U);
  EXPECT_EQ(judged.ledger.ledger->ok, store_.rows() - 7);
  EXPECT_EQ(judged.registers.verdict, Verdict::ok);
}

TEST_F(Ledger, WritesThatAreBackWereNotLost) {
  ProbeRun probe(make(config()));
  wait_for_rows(60);
  store_.hide_last(9);
  wait_until([&] { return count_of(of(probe.findings(), "lost-write")) == 9; });
  probe.wait_for_round(good);
  store_.show();
  wait_until([&] { return count_of(of(probe.findings(), "lost-write", true)) == 9; });
  probe.wait_for_round(good);
  const Judged judged = end(probe, history::StaleReads::allowed);
  EXPECT_EQ(of(probe.findings(), "lost-write").size(),
            of(probe.findings(), "lost-write", true).size());
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.ledger.ledger->lost, 0U);
  EXPECT_EQ(judged.ledger.ledger->ok, store_.rows());
  EXPECT_GE(judged.ledger.ledger->stale_own + judged.ledger.ledger->stale_other, 9U);
}

TEST_F(Ledger, AReadThatLagsOnceIsStale) {
  ProbeRun probe(make(config()));
  wait_for_rows(60);
  store_.lag_once();
  wait_until([&] { return !of(probe.findings(), "stale-read").empty(); });
  probe.wait_for_round(good);
  const Judged judged = end(probe, history::StaleReads::allowed);
  const auto findings = probe.findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].count, 1U);
  EXPECT_FALSE(findings[0].violation);
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.ledger.ledger->lost, 0U);
}

TEST_F(Ledger, AnswersThatRefuseLeaveWritesOpen) {
  ProbeRun probe(make(config()));
  wait_for_rows(40);
  for (const auto how : {LedgerStore::Writes::stored_and_refused, LedgerStore::Writes::refused}) {
    store_.writes(how);
    wait_until([&] { return store_.rows(how) >= 6; });
  }
  store_.writes(LedgerStore::Writes::good);
  wait_for_rows(store_.rows() + 20);
  const Judged judged = end(probe);
  EXPECT_TRUE(probe.findings().empty());
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.ledger.ledger->ok, store_.rows());
  EXPECT_EQ(judged.ledger.ledger->unacknowledged,
            store_.rows(LedgerStore::Writes::stored_and_refused))
      << "there, though nobody said so";
  EXPECT_EQ(judged.ledger.ledger->absent, store_.rows(LedgerStore::Writes::refused));
  EXPECT_EQ(judged.ledger.failed, 0U);
  EXPECT_EQ(judged.registers.verdict, Verdict::ok);
  // Nobody hears of a process again whose operation has no known outcome.
  std::set<std::int64_t> gone;
  for (const Operation& operation : probe.operations()) {
    EXPECT_FALSE(gone.contains(operation.process));
    if (operation.event == Operation::Event::info) gone.insert(operation.process);
  }
}

TEST_F(Ledger, AuditsWithoutAGoodAnswerDecideNothing) {
  ProbeRun probe(make(config()));
  wait_for_rows(40);
  store_.refuse_reads(true);
  store_.forget_last(5);
  probe.wait_for_round(undecided);
  probe.wait_for_round(undecided);
  EXPECT_TRUE(probe.findings().empty());
  const Judged judged = end(probe);
  EXPECT_TRUE(probe.findings().empty());
  EXPECT_TRUE(undecided(probe.rounds().back())) << "nor does the last read";
  EXPECT_EQ(judged.ledger.verdict, Verdict::undecided);
  EXPECT_THAT(judged.ledger.reason, HasSubstr("without a read of the whole ledger"));
}

TEST_F(Ledger, AnotherTokenIsAWrongValue) {
  ProbeRun probe(make(config()));
  wait_for_rows(40);
  const std::string id = store_.spoil_last("nobodys-token");
  wait_until([&] { return !of(probe.findings(), "wrong-value").empty(); });
  probe.wait_for_round(good);
  probe.wait_for_round(good);
  const Judged judged = end(probe);
  const auto findings = probe.findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].subject, id);
  EXPECT_TRUE(findings[0].violation);
  EXPECT_THAT(findings[0].detail, HasSubstr("nobodys-token"));
  EXPECT_EQ(judged.ledger.verdict, Verdict::violation);
  EXPECT_EQ(judged.ledger.ledger->never_written, 1U);
  EXPECT_EQ(judged.ledger.ledger->lost, 0U);
}

TEST_F(Ledger, RegistersThatStandStillAreNotLinearizable) {
  ProbeRun probe(make(config()));
  wait_for_rows(40);
  store_.freeze_registers();
  wait_for_rows(store_.rows() + 40);
  const Judged judged = end(probe);
  EXPECT_TRUE(probe.findings().empty()) << "no row is lost";
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  ASSERT_EQ(judged.registers.verdict, Verdict::violation);
  const auto violated = std::ranges::find(judged.registers.registers, Verdict::violation,
                                          &history::RegisterResult::verdict);
  const auto& violation = violated->violation;
  EXPECT_GE(violation.size(), 2U);
  EXPECT_LE(violation.size(), 4U);
}

TEST_F(Ledger, AWriteThatIsDoneTwiceIsNotLinearizable) {
  ProbeRun probe(make(config()));
  // Whoever reads before the next write comes sees what had been overwritten.
  for (int i = 0; i < 30; ++i) {
    while (!store_.repeat_old_write()) std::this_thread::sleep_for(2ms);
    wait_for_rows(store_.rows() + 3);
  }
  const Judged judged = end(probe);
  EXPECT_TRUE(probe.findings().empty()) << "no row is lost";
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.registers.verdict, Verdict::violation);
}

TEST_F(Ledger, WhatWasNeverSentCertainlyFailed) {
  const int port = listen_on_loopback(1).port;  // closed again at once
  ProbeRun probe(make(config("http", port)));
  wait_until([&] {
    const auto operations = probe.operations();
    return count_of(operations, Operation::Function::add, Operation::Event::fail) >= 5 &&
           count_of(operations, Operation::Function::write, Operation::Event::fail) >= 5;
  });
  probe.stop();
  probe.samples();
  const auto operations = probe.operations();
  EXPECT_EQ(count_of(operations, Operation::Function::add, Operation::Event::info), 0U);
  EXPECT_EQ(count_of(operations, Operation::Function::add, Operation::Event::ok), 0U);
  EXPECT_TRUE(probe.findings().empty());
  EXPECT_TRUE(probe.rounds().empty()) << "there is nothing to ask for";
}

TEST_F(Ledger, AResetAfterTheRequestLeavesItOpen) {
  PlainServer server([](int fd) {
    read_head(fd);
    reset_on_close(fd);
  });
  ProbeRun probe(make(config("http", server.port())));
  wait_until([&] {
    return count_of(probe.operations(), Operation::Function::add, Operation::Event::info) >= 5;
  });
  probe.stop();
  probe.samples();
  EXPECT_EQ(count_of(probe.operations(), Operation::Function::add, Operation::Event::fail), 0U);
}

TEST_F(Ledger, AServerThatStopsAnsweringHoldsItUpForOneTimeOut) {
  Gate gate;
  PlainServer server([&](int fd) {
    const auto head = read_head(fd);
    gate.pass();
    if (head) send_all(fd, store_.answer(*head));
  });
  auto wanted = config("http", server.port());
  wanted["timeout_ns"] = 300'000'000;
  ProbeRun probe(make(wanted));
  wait_for_rows(40);
  {
    const Gate::Shut shut(gate);
    probe.wait_for_round(undecided);
    wait_until([&] {
      const auto operations = probe.operations();
      return count_of(operations, Operation::Function::add, Operation::Event::info) >= 4 &&
             count_of(operations, Operation::Function::read, Operation::Event::fail) >= 4;
    });
  }
  probe.wait_for_round(good);
  wait_for_rows(store_.rows() + 20);
  const Judged judged = end(probe);
  EXPECT_EQ(judged.ledger.ledger->lost, 0U);
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.registers.verdict, Verdict::ok);
}

TEST_F(Ledger, AsksOnlyForWhatAQuestionHolds) {
  std::mutex mutex;
  std::size_t most_ids = 0;
  std::size_t longest = 0;
  PlainServer server([&](int fd) {
    const auto head = read_head(fd);
    if (!head) return;
    {
      const std::lock_guard lock(mutex);
      longest = std::max(longest, head->find("\r\n"));
      most_ids = std::max(most_ids, static_cast<std::size_t>(std::ranges::count(*head, ',')) + 1);
    }
    send_all(fd, store_.answer(*head));
  });
  auto wanted = config("http", server.port());
  wanted["sessions"] = 16;
  wanted["every_ns"] = 2'000'000;
  ProbeRun probe(make(wanted));
  wait_for_rows(450);
  const Judged judged = end(probe);
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.ledger.ledger->ok, store_.rows());
  EXPECT_GT(most_ids, 80U);
  EXPECT_LE(most_ids, 200U);
  EXPECT_LE(longest, 4'094U);
}

TEST_F(Ledger, ASessionThatCannotGoOnEndsItAtOnceWithTheLastRead) {
  class FailingSink : public CollectingSink {
   public:
    void operated(const Operation& operation) override {
      CollectingSink::operated(operation);
      if (operations.size() == 60) throw Error("nobody takes the 60th");
    }
  };
  FailingSink sink;
  // Told to stop only when nothing else has ended it.
  const UniqueFd at_last(check("timerfd", ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)));
  const itimerspec patience{{}, {60, 0}};
  check("timerfd_settime", ::timerfd_settime(at_last.get(), 0, &patience, nullptr));
  EXPECT_THROW(make(config())->run(at_last.get(), sink), Error);
  pollfd stop{at_last.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&stop, 1, 0), 0) << "nobody had told it to stop";
  const Operation& last = sink.operations.back();
  EXPECT_EQ(last.event, Operation::Event::ok);
  EXPECT_EQ(last.rows.size(), store_.rows());
}

TEST_F(Ledger, VerifiesTheServer) {
  const Authority authority;
  const TemporaryFolder folder;
  write_file(folder / "authority.pem", authority.pem());
  TlsServer server(authority.issue("DNS:www.nospof.test"), [this](ServerConnection& connection) {
    if (!connection.handshake()) return;
    if (const auto head = connection.read_request()) connection.write(store_.answer(*head));
    connection.say_goodbye();
  });
  auto wanted = config("https", server.port());
  wanted["authority_file"] = folder / "authority.pem";
  ProbeRun probe(make(wanted));
  wait_for_rows(20);
  probe.wait_for_round(good);
  server.change(Authority().issue("DNS:www.nospof.test"));
  // Nothing is sent to whom it does not know, so nothing can have been done.
  wait_until([&] {
    return count_of(probe.operations(), Operation::Function::add, Operation::Event::fail) >= 5;
  });
  server.change(authority.issue("DNS:www.nospof.test"));
  probe.wait_for_round(good);
  const Judged judged = end(probe);
  EXPECT_EQ(count_of(probe.operations(), Operation::Function::add, Operation::Event::info), 0U);
  EXPECT_EQ(judged.ledger.verdict, Verdict::ok);
  EXPECT_EQ(judged.ledger.ledger->ok, store_.rows());
}

}  // namespace
}  // namespace nospof::test
