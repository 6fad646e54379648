// The truth of the probes that look: what they find of a server that behaves badly for a while, and
// within which of their rounds they place its beginning and its end.

#include <algorithm>
#include <array>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "probes/firewall.hpp"
#include "probes/monitoring.hpp"
#include "probes/tls_path.hpp"
#include "system/check.hpp"
#include "tests/kernel/probe_run.hpp"
#include "tests/kernel/truth.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using Speaks = ScriptedServer::Speaks;
using namespace std::chrono_literals;

constexpr std::int64_t every_ns = 20'000'000;

void write_pem(const std::string& path, const std::function<int(BIO*)>& write) {
  const std::unique_ptr<BIO, void (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  if (write(bio.get()) != 1) throw Error("writing PEM failed");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  write_file(path, {text, static_cast<std::size_t>(size)});
}

/// Waits for so many rounds that begin from now on and tell something.
void wait_for_good_rounds(ProbeRun& probe, int count) {
  const std::int64_t from_ns = mono_ns();
  for (int i = 0; i < count; ++i)
    probe.wait_for_round([&](const kinds::Round& round) {
      return round.begin_ns > from_ns && round.undecided == 0;
    });
}

struct TlsRow {
  Behaviour bad;
  const char* what;
  std::size_t looks;  ///< by which round it must be seen, counted from the change
};

class TruthOfTls : public testing::TestWithParam<TlsRow> {};

TEST_P(TruthOfTls, FindsWhatTheServerShowedAndWhen) {
  const TlsRow& row = GetParam();
  const TemporaryFolder folder;
  ScriptedServer::Setup setup;
  setup.name = "app.nospof.test";
  setup.demands_certificate = true;
  ScriptedServer server(setup);
  const Identity own = server.client_identity();
  write_file(folder / "ca.pem", server.authority());
  write_pem(folder / "own.pem",
            [&](BIO* bio) { return PEM_write_bio_X509(bio, own.certificate.get()); });
  write_pem(folder / "own.key", [&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, own.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  const json::object target{{"name", "web-app"},
                            {"address", "127.0.0.1"},
                            {"port", server.port()},
                            {"identity", setup.name},
                            {"authority_file", folder / "ca.pem"},
                            {"certificate_file", folder / "own.pem"},
                            {"key_file", folder / "own.key"},
                            {"client_certificate", true},
                            {"valid_for_ns", 0}};
  ProbeRun probe(probes::make_tls_path()->make(
      {{"from", "web1"}, {"every_ns", every_ns}, {"targets", json::array{target}}}));
  const auto rounds = static_cast<int>(row.looks) + 1;
  wait_for_good_rounds(probe, rounds);
  server.play({{0ms, row.bad}});
  probe.wait_for_findings(1);
  wait_for_good_rounds(probe, rounds);
  server.changes();
  server.play({{0ms, Behaviour::healthy}});
  probe.wait_for_findings(2);
  wait_for_good_rounds(probe, rounds);
  probe.stop();
  probe.samples();
  const BadTime truth = bad_time_of(server.changes());
  expect_found_between(probe.findings(), probe.rounds(), row.what, truth, row.looks);
  for (const kinds::Finding& finding : probe.findings())
    EXPECT_EQ(finding.violation, row.bad != Behaviour::truncate);
}

// The rare looks come in every tenth round.
INSTANTIATE_TEST_SUITE_P(TlsPath, TruthOfTls,
                         testing::Values(TlsRow{Behaviour::expired, "tls-expired", 1},
                                         TlsRow{Behaviour::not_yet_valid, "tls-expired", 1},
                                         TlsRow{Behaviour::wrong_name, "tls-wrong-identity", 1},
                                         TlsRow{Behaviour::unknown_authority, "tls-untrusted", 1},
                                         TlsRow{Behaviour::self_signed, "tls-untrusted", 1},
                                         TlsRow{Behaviour::no_client_certificate,
                                                "tls-no-client-certificate-demanded", 1},
                                         TlsRow{Behaviour::truncate, "tls-truncated", 10}),
                         [](const auto& row) {
                           std::string name = behaviour_name(row.param.bad);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(TruthOfMonitoring, AnAlertIsToldWithinTheRoundsAroundIt) {
  const auto answer = [](const std::string& series) {
    return fmt::format(R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}}})",
                       series);
  };
  ScriptedServer::Setup setup;
  setup.speaks = Speaks::http;
  setup.body = [=](const std::string&) { return answer(""); };
  setup.wrong_body = answer(R"({"metric":{"__name__":"ALERTS","alertstate":"firing",)"
                            R"("alertname":"HostDown","host":"web1"},"value":[1.5,"1"]})");
  ScriptedServer server(setup);
  ProbeRun probe(
      probes::make_monitoring()->make({{"url", fmt::format("http://127.0.0.1:{}", server.port())},
                                       {"every_ns", every_ns},
                                       {"timeout_ns", 20'000'000'000}}));
  wait_for_good_rounds(probe, 2);
  server.play({{0ms, Behaviour::wrong_body}});
  probe.wait_for_findings(1);
  wait_for_good_rounds(probe, 2);
  server.changes();
  server.play({{0ms, Behaviour::healthy}});
  probe.wait_for_findings(2);
  wait_for_good_rounds(probe, 2);
  probe.stop();
  probe.samples();
  expect_found_between(probe.findings(), probe.rounds(), "alert", bad_time_of(server.changes()), 1);
}

// A port that may not be open is, for a while.
TEST(TruthOfFirewall, AnOpenPortIsToldWithinTheRoundsAroundIt) {
  ScriptedServer::Setup setup;
  setup.speaks = Speaks::greeting;
  ScriptedServer server(setup);
  server.play({{0ms, Behaviour::refuse}});
  server.changes();
  const json::object target{{"to", "db1"},
                            {"address", "127.0.0.1"},
                            {"port", server.port()},
                            {"allowed", false},
                            {"listening", true}};
  ProbeRun probe(probes::make_firewall()->make({{"from", "client"},
                                                {"every_ns", every_ns},
                                                {"timeout_ns", 2'000'000'000},
                                                {"targets", json::array{target}}}));
  wait_for_good_rounds(probe, 2);
  server.play({{0ms, Behaviour::healthy}});
  probe.wait_for_findings(1);
  wait_for_good_rounds(probe, 2);
  server.changes();
  server.play({{0ms, Behaviour::refuse}});
  probe.wait_for_findings(2);
  wait_for_good_rounds(probe, 2);
  probe.stop();
  probe.samples();
  const auto changes = server.changes();
  ASSERT_EQ(changes.size(), 3U);
  const BadTime truth{changes[1].from_ns, changes[1].by_ns, changes[2].from_ns, changes[2].by_ns};
  expect_found_between(probe.findings(), probe.rounds(), "open", truth, 1);
  EXPECT_TRUE(probe.findings().front().violation);
}

}  // namespace
}  // namespace nospof::test
