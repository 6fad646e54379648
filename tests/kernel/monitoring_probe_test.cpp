// The monitoring probe, against a server that says what the test wants it to say, or nothing.

#include <atomic>
#include <mutex>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/monitoring.hpp"
#include "system/check.hpp"
#include "tests/kernel/https_server.hpp"
#include "tests/kernel/looking.hpp"
#include "tests/kernel/plain_server.hpp"
#include "tests/kernel/probe_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using kinds::Finding;
using kinds::Round;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::string vector_answer(const std::string& series) {
  return http_answer(
      200, fmt::format(R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}}})",
                       series));
}

std::string alert(const std::string& name, const std::string& labels) {
  return fmt::format(R"({{"metric":{{"__name__":"ALERTS","alertstate":"firing",)"
                     R"("alertname":"{}"{}}},"value":[1.5,"1"]}})",
                     name, labels);
}

std::string up(const std::string& host) {
  return fmt::format(R"({{"metric":{{"host":"{}"}},"value":[1.5,"2"]}})", host);
}

/// What the server says, changed by the test while it runs.
class Prometheus {
 public:
  void alerts(std::string series) { set(alerts_, vector_answer(series)); }
  void coverage(std::string series) { set(coverage_, vector_answer(series)); }
  /// Instead of both, until answer_again().
  void answer_instead(std::string bytes) { set(instead_, std::move(bytes)); }
  void answer_again() { set(instead_, ""); }

  std::string answer(const std::string& request) {
    const std::lock_guard lock(mutex_);
    if (!instead_.empty()) return instead_;
    if (request.starts_with("GET /base/api/v1/query?query=ALERTS%7Balertstate%3D%22firing%22%7D "))
      return alerts_;
    if (request.starts_with("GET /base/api/v1/query?query=count%20by%20%28host%29%20%28up%29 "))
      return coverage_;
    return http_answer(404, "");
  }

 private:
  void set(std::string& what, std::string bytes) {
    const std::lock_guard lock(mutex_);
    what = std::move(bytes);
  }
  std::mutex mutex_;
  std::string alerts_ = vector_answer("");
  std::string coverage_ = vector_answer("");
  std::string instead_;
};

class Monitoring : public testing::Test {
 protected:
  static json::object config(int port) {
    return {{"url", fmt::format("http://prometheus.nospof.test:{}/base/", port)},
            {"address", "127.0.0.1"},
            {"every_ns", 20'000'000},
            {"timeout_ns", 20'000'000'000},
            {"unmonitored_after_ns", 0}};
  }
  static std::unique_ptr<kinds::Probe> make(const json::object& wanted) {
    return probes::make_monitoring()->make(wanted);
  }
  static bool good(const Round& round) { return round.undecided == 0; }
  static bool undecided(const Round& round) {
    return round.checked > 0 && round.undecided == round.checked;
  }

  Prometheus prometheus_;
  PlainServer server_{[this](int fd) {
    if (const auto request = read_head(fd)) send_all(fd, prometheus_.answer(*request));
  }};
};

TEST_F(Monitoring, TellsWhenAnAlertFiresAndWhenItEnds) {
  prometheus_.alerts(alert("Old", R"(,"host":"db1")"));
  ProbeRun probe(make(config(server_.port())));
  probe.wait_for_findings(1);
  probe.wait_for_round(good);
  const std::int64_t before_begin = mono_ns();
  prometheus_.alerts(alert("Old", R"(,"host":"db1")") + "," +
                     alert("HostDown", R"(,"host":"web1","instance":"x:9100","job":"node")") + "," +
                     alert("HostDown", R"(,"host":"web1","instance":"x:9101","job":"node")") + "," +
                     alert("Slow", R"(,"instance":"lb1:80")") + "," + alert("Lonely", ""));
  probe.wait_for_findings(4);
  const std::int64_t after_begin = mono_ns();
  probe.wait_for_round(good);
  const std::int64_t before_end = mono_ns();
  prometheus_.alerts("");
  probe.wait_for_findings(8);
  const std::int64_t after_end = mono_ns();
  probe.wait_for_round(good);
  probe.stop();
  probe.samples();
  const auto findings = probe.findings();
  ASSERT_EQ(findings.size(), 8U) << "each is told once";

  EXPECT_EQ(findings[0].subject, "Old db1");
  EXPECT_EQ(findings[0].since_ns, 0) << "it was never seen not to be so";
  std::vector<std::string> begun;
  std::vector<std::string> ended;
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.what, "alert");
    EXPECT_FALSE(finding.violation);
    (finding.over ? ended : begun).push_back(finding.subject);
  }
  EXPECT_THAT(begun,
              testing::UnorderedElementsAre("Old db1", "HostDown web1", "Slow lb1:80", "Lonely"));
  EXPECT_THAT(ended, testing::UnorderedElementsAreArray(begun));
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_LE(findings[i].since_ns, after_begin);
    EXPECT_GE(findings[i].at_ns, before_begin);
    EXPECT_LT(findings[i].since_ns, findings[i].at_ns);
    EXPECT_LE(findings[i].at_ns, after_begin);
    EXPECT_GT(findings[i].since_ns, findings[0].since_ns);
  }
  for (std::size_t i = 4; i < 8; ++i) {
    EXPECT_TRUE(findings[i].over);
    EXPECT_LE(findings[i].since_ns, after_end);
    EXPECT_GE(findings[i].at_ns, before_end);
  }
  const auto host_down = std::ranges::find(findings, "HostDown web1", &Finding::subject);
  EXPECT_EQ(host_down->detail, R"(host="web1", instance="x:9100", job="node")");
}

TEST_F(Monitoring, ABracketContainsTheMoment) {
  ProbeRun probe(make(config(server_.port())));
  for (int i = 0; i < 5; ++i) {
    probe.wait_for_round(good);
    const std::size_t so_far = probe.findings().size();
    const std::int64_t before = mono_ns();
    prometheus_.alerts(i % 2 == 0 ? alert("A", "") : "");
    const std::int64_t after = mono_ns();
    probe.wait_for_findings(so_far + 1);
    const Finding finding = probe.findings().back();
    EXPECT_EQ(finding.over, i % 2 == 1);
    EXPECT_LE(finding.since_ns, after);
    EXPECT_GE(finding.at_ns, before);
  }
}

TEST_F(Monitoring, AServerThatDoesNotAnswerIsUndecidedAndNoFinding) {
  prometheus_.alerts(alert("A", ""));
  prometheus_.coverage(up("db1"));
  auto wanted = config(server_.port());
  wanted["expect_hosts"] = {"db1"};
  ProbeRun probe(make(wanted));
  probe.wait_for_findings(1);
  for (const std::string& instead :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), http_answer(500, "{}"),
        http_answer(200, "no JSON"), http_answer(200, R"({"status":"error","error":"x"})"),
        http_answer(200, R"({"status":"success","data":{"resultType":"matrix","result":[]}})"),
        http_answer(503, vector_answer("").substr(vector_answer("").find("\r\n\r\n") + 4)),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n")}) {
    SCOPED_TRACE(instead);
    prometheus_.answer_instead(instead);
    for (int i = 0; i < 11; ++i) probe.wait_for_round(undecided);
  }
  prometheus_.answer_again();
  probe.wait_for_round(good);
  probe.stop();
  probe.samples();
  EXPECT_EQ(probe.findings().size(), 1U);
}

TEST_F(Monitoring, AServerThatIsGoneIsUndecided) {
  const int port = listen_on_loopback(1).port;  // closed again at once
  ProbeRun probe(make(config(port)));
  probe.wait_for_round(undecided);
  probe.wait_for_round(undecided);
  probe.stop();
  probe.samples();
  EXPECT_TRUE(probe.findings().empty());
}

TEST_F(Monitoring, AHostWithoutASeriesIsAViolation) {
  prometheus_.coverage(up("db1") + "," + up("db2"));
  auto wanted = config(server_.port());
  wanted["expect_hosts"] = {"db1", "db2"};
  wanted["every_ns"] = 10'000'000;
  ProbeRun probe(make(wanted));
  const auto covered = [](const Round& round) { return good(round) && round.checked > 1; };
  probe.wait_for_round(covered);
  EXPECT_TRUE(probe.findings().empty());
  const std::int64_t before = mono_ns();
  prometheus_.coverage(up("db1") + "," + up("web1"));
  probe.wait_for_findings(1);
  prometheus_.coverage(up("db1") + "," + up("db2"));
  probe.wait_for_findings(2);
  probe.stop();
  probe.samples();
  const auto findings = probe.findings();
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].what, "unmonitored");
  EXPECT_EQ(findings[0].subject, "db2");
  EXPECT_TRUE(findings[0].violation);
  EXPECT_FALSE(findings[0].over);
  EXPECT_GE(findings[0].at_ns, before);
  EXPECT_GT(findings[0].since_ns, 0);
  EXPECT_LE(findings[0].since_ns, findings[0].at_ns);
  EXPECT_THAT(findings[0].detail, HasSubstr("up with host=\"db2\""));
  EXPECT_TRUE(findings[1].over);
}

TEST_F(Monitoring, AServerThatHasJustBegunGetsTime) {
  prometheus_.coverage("");
  auto wanted = config(server_.port());
  wanted["expect_hosts"] = {"db1"};
  wanted["every_ns"] = 10'000'000;
  wanted["unmonitored_after_ns"] = 3'600'000'000'000;
  ProbeRun probe(make(wanted));
  for (int i = 0; i < 25; ++i) probe.wait_for_round(good);
  prometheus_.coverage(up("db1"));
  for (int i = 0; i < 25; ++i) probe.wait_for_round(good);
  probe.stop();
  probe.samples();
  EXPECT_TRUE(probe.findings().empty());
}

TEST_F(Monitoring, AHostIsDecidedOnceItWasSeenOrIsKnownToBeMissing) {
  auto wanted = config(server_.port());
  wanted["expect_hosts"] = {"db1", "db2", "web1"};
  wanted["every_ns"] = 10'000'000;
  wanted["unmonitored_after_ns"] = 3'600'000'000'000;
  prometheus_.coverage(up("web1"));
  LookRun patient(*probes::make_monitoring(), wanted);
  EXPECT_TRUE(patient.wait_for_decided_rounds(11));
  patient.sink().wait_until([&] {
    for (std::size_t round = 0; round < 11; ++round)
      EXPECT_EQ(patient.sink().rounds()[round].checked, 3U) << "two questions and a series";
    return true;
  });
  prometheus_.coverage(up("web1") + "," + up("db1"));
  EXPECT_TRUE(patient.wait_for_decided_rounds(11));
  patient.stop();
  EXPECT_THAT(patient.sink().expected(),
              testing::ElementsAre("db1 monitored", "db2 monitored", "web1 monitored"));
  EXPECT_THAT(patient.sink().decided(), testing::ElementsAre("web1 monitored", "db1 monitored"))
      << "db2 may still come: it is not known yet that it does not";

  wanted["unmonitored_after_ns"] = 0;
  LookRun impatient(*probes::make_monitoring(), wanted);
  EXPECT_TRUE(impatient.wait_for_finding("unmonitored"));
  EXPECT_TRUE(impatient.wait_for_decided_rounds(1));
  EXPECT_EQ(impatient.sink().decided().size(), 3U);
  EXPECT_TRUE(impatient.wait_for_decided_rounds(11));
  impatient.stop();
  const auto& rounds = impatient.sink().rounds();
  for (std::size_t round = 0; round < 11; ++round)
    EXPECT_EQ(rounds[round].checked, round % 10 == 0 ? 4U : 1U) << "all is known: every tenth";
}

TEST_F(Monitoring, AServerThatStallsDoesNotKeepItFromStopping) {
  Gate gate;
  PlainServer stalling([&](int fd) {
    read_head(fd);
    gate.pass();
  });
  const Gate::Shut shut(gate);
  auto wanted = config(stalling.port());
  wanted["timeout_ns"] = 3'600'000'000'000;
  ProbeRun probe(make(wanted));
  std::this_thread::sleep_for(50ms);
  probe.stop();
  probe.samples();
  EXPECT_TRUE(probe.rounds().empty()) << "what was not looked at to the end is no look";
}

TEST_F(Monitoring, VerifiesWhomItAsks) {
  const Authority authority;
  const TemporaryFolder folder;
  write_file(folder / "ca.pem", authority.pem());
  const auto serve = [this](ServerConnection& connection) {
    if (!connection.handshake()) return;
    if (const auto request = connection.read_request()) {
      connection.write(prometheus_.answer(*request));
      connection.say_goodbye();
    }
  };
  prometheus_.alerts(alert("A", ""));
  TlsServer right(authority.issue("DNS:prometheus.nospof.test"), serve);
  TlsServer wrong(authority.issue("DNS:other.nospof.test"), serve);
  for (const auto* server : {&right, &wrong}) {
    auto wanted = config(server->port());
    wanted["url"] = fmt::format("https://prometheus.nospof.test:{}/base", server->port());
    wanted["authority_file"] = folder / "ca.pem";
    ProbeRun probe(make(wanted));
    probe.wait_for_round(server == &right ? good : undecided);
    probe.stop();
    probe.samples();
    EXPECT_EQ(probe.findings().size(), server == &right ? 1U : 0U);
  }
}

}  // namespace
}  // namespace nospof::test
