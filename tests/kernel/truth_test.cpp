// The truth of every probe that asks: a server that behaves badly for a while, at moments that it
// records itself; the class that the probe must tell, and the interval that the verdict makes of
// it.

#include "tests/kernel/truth.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "probes/dns.hpp"
#include "probes/exec.hpp"
#include "probes/http.hpp"
#include "probes/https.hpp"
#include "probes/icmp.hpp"
#include "probes/prometheus.hpp"
#include "probes/tcp.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"
#include "tests/kernel/probe_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using kinds::Outcome;
using Speaks = ScriptedServer::Speaks;
using namespace std::chrono_literals;

// Patient enough for the machine to stand still without a request failing for it.
constexpr std::int64_t patience_ns = 20'000'000'000;
// What a stall must be longer than, to be one.
constexpr std::int64_t slow_ns = 1'000'000'000;

void write_value(const std::string& path, std::string_view value) {
  write_all(open_file(path, O_WRONLY).get(), value, path);
}

// What a command may ask a server; it begins in a fraction of the time that curl does.
constexpr const char* get_status = R"(
  exec 3<> "/dev/tcp/127.0.0.1/$1" || exit 7
  printf 'GET /status HTTP/1.1\r\n\r\n' >&3
  IFS= read -r line <&3 || exit 52
  [[ $line == *' 200 '* ]] || exit 22
  while IFS= read -r line <&3 && line=${line%$'\r'} && [[ -n $line ]]; do
    [[ $line != Content-Length:* ]] || size=${line#*: }
  done
  IFS= read -r -N "$size" body <&3 || exit 18
  printf %s "$body"
)";

enum class Probe { https, http, tcp, dns, exec, prometheus };

struct Row {
  Probe probe;
  Behaviour bad;
  Outcome outcome;
};

std::string probe_name(Probe probe) {
  static constexpr std::array names{"https", "http", "tcp", "dns", "exec", "prometheus"};
  return names.at(static_cast<std::size_t>(probe));
}

std::unique_ptr<kinds::ProbeKind> kind_of(Probe probe) {
  switch (probe) {
    case Probe::https:
      return probes::make_https();
    case Probe::http:
      return probes::make_http();
    case Probe::tcp:
      return probes::make_tcp();
    case Probe::dns:
      return probes::make_dns();
    case Probe::exec:
      return probes::make_exec();
    case Probe::prometheus:
      return probes::make_prometheus();
  }
  return nullptr;
}

ScriptedServer::Setup setup_of(Probe probe) {
  ScriptedServer::Setup setup;
  setup.speaks = probe == Probe::https ? Speaks::https
                 : probe == Probe::tcp ? Speaks::greeting
                 : probe == Probe::dns ? Speaks::dns
                                       : Speaks::http;
  const auto vector = [](const char* value) {
    return fmt::format(R"({{"status":"success","data":{{"resultType":"vector","result":[)"
                       R"({{"metric":{{}},"value":[1.5,"{}"]}}]}}}})",
                       value);
  };
  if (probe == Probe::prometheus) {
    setup.body = [=](const std::string&) { return vector("1"); };
    setup.wrong_body = vector("0");
  }
  if (probe == Probe::exec) {
    setup.body = [](const std::string&) { return R"({"lag":0})"; };
    setup.wrong_body = R"({"lag":7})";
  }
  return setup;
}

std::string row_name(const Row& row) {
  std::string name = probe_name(row.probe) + "_" + behaviour_name(row.bad);
  std::ranges::replace(name, '-', '_');
  return name;
}

// A process for each request takes longer than a request.
double rate_of(Probe probe) {
  return probe == Probe::exec ? 10 : 40;
}

json::object config_of(const Row& row, const ScriptedServer& server,
                       const std::string& authority_file) {
  json::object made{{"rate_per_second", rate_of(row.probe)},
                    {"timeout_ns", patience_ns},
                    {"slow_ns", row.bad == Behaviour::stall ? slow_ns : patience_ns}};
  const int port = server.port();
  switch (row.probe) {
    case Probe::https:
      write_file(authority_file, server.authority());
      made["authority_file"] = authority_file;
      [[fallthrough]];
    case Probe::http:
      made["url"] = fmt::format("{}://www.nospof.test:{}/page?id={{id}}&v={{token}}",
                                probe_name(row.probe), port);
      made["address"] = "127.0.0.1";
      made["expect_body"] = "token {token}";
      break;
    case Probe::tcp:
      made["host"] = "127.0.0.1";
      made["port"] = port;
      made["expect"] = "220 ready";
      break;
    case Probe::dns:
      made["server"] = "127.0.0.1";
      made["port"] = port;
      made["name"] = "www.nospof.test";
      made["expect"] = "127.0.0.7";
      break;
    case Probe::exec:
      made["argv"] = {"bash", "-c", get_status, "status", std::to_string(port)};
      made["field"] = "lag";
      made["expect"] = "<= 3";
      made["max_in_flight"] = 200;
      break;
    case Probe::prometheus:
      made["url"] = fmt::format("http://prometheus.nospof.test:{}", port);
      made["address"] = "127.0.0.1";
      made["query"] = "up";
      made["expect"] = ">= 1";
  }
  return made;
}

/// What came of a row.
struct Outcomes {
  std::vector<kinds::Sample> samples;
  BadTime truth{};
};

Outcomes carry_out(const Row& row) {
  const TemporaryFolder folder;
  const bool stall = row.bad == Behaviour::stall;
  ScriptedServer server(setup_of(row.probe));
  ProbeRun probe(std::make_unique<GoingFirst>(
      kind_of(row.probe)->make(config_of(row, server, folder / "authority.pem")),
      Started::go_first_too));
  const auto second = static_cast<int>(rate_of(row.probe));
  probe.wait_for_ok(second / 2);
  // No whole number of periods, so that the changes come at any time between two requests.
  server.play({{0ms, row.bad}, {stall ? 2517ms : 1217ms, Behaviour::healthy}});
  const BadTime truth = bad_time_of(server.changes());
  probe.wait_for_ok(second / 2 + (stall ? second : 0));
  probe.stop();
  return {probe.samples(), truth};
}

constexpr Row rows[] = {
    {Probe::https, Behaviour::stall, Outcome::slow},
    {Probe::https, Behaviour::refuse, Outcome::connect_refused},
    {Probe::https, Behaviour::reset, Outcome::reset},
    {Probe::https, Behaviour::close_early, Outcome::reset},
    {Probe::https, Behaviour::truncate, Outcome::tls_truncated},
    {Probe::https, Behaviour::wrong_body, Outcome::wrong_body},
    {Probe::https, Behaviour::wrong_status, Outcome::http_status},
    {Probe::https, Behaviour::lying, Outcome::http_status},
    {Probe::https, Behaviour::expired, Outcome::tls_expired},
    {Probe::https, Behaviour::not_yet_valid, Outcome::tls_expired},
    {Probe::https, Behaviour::wrong_name, Outcome::tls_wrong_identity},
    {Probe::https, Behaviour::unknown_authority, Outcome::tls_untrusted},
    {Probe::https, Behaviour::self_signed, Outcome::tls_untrusted},
    {Probe::https, Behaviour::weak_protocol, Outcome::tls_handshake},
    {Probe::http, Behaviour::stall, Outcome::slow},
    {Probe::http, Behaviour::refuse, Outcome::connect_refused},
    {Probe::http, Behaviour::reset, Outcome::reset},
    {Probe::http, Behaviour::close_early, Outcome::reset},
    {Probe::http, Behaviour::wrong_body, Outcome::wrong_body},
    {Probe::http, Behaviour::wrong_status, Outcome::http_status},
    {Probe::http, Behaviour::lying, Outcome::http_status},
    {Probe::tcp, Behaviour::stall, Outcome::slow},
    {Probe::tcp, Behaviour::refuse, Outcome::connect_refused},
    {Probe::tcp, Behaviour::reset, Outcome::reset},
    {Probe::tcp, Behaviour::close_early, Outcome::reset},
    {Probe::tcp, Behaviour::wrong_body, Outcome::wrong_body},
    {Probe::dns, Behaviour::stall, Outcome::slow},
    {Probe::dns, Behaviour::refuse, Outcome::connect_refused},
    {Probe::dns, Behaviour::wrong_body, Outcome::wrong_body},
    {Probe::dns, Behaviour::wrong_status, Outcome::dns},
    {Probe::exec, Behaviour::stall, Outcome::slow},
    {Probe::exec, Behaviour::refuse, Outcome::command_failed},
    {Probe::exec, Behaviour::reset, Outcome::command_failed},
    {Probe::exec, Behaviour::close_early, Outcome::command_failed},
    {Probe::exec, Behaviour::wrong_body, Outcome::wrong_body},
    {Probe::exec, Behaviour::wrong_status, Outcome::command_failed},
    {Probe::exec, Behaviour::lying, Outcome::command_failed},
    {Probe::prometheus, Behaviour::stall, Outcome::slow},
    {Probe::prometheus, Behaviour::refuse, Outcome::connect_refused},
    {Probe::prometheus, Behaviour::reset, Outcome::reset},
    {Probe::prometheus, Behaviour::close_early, Outcome::reset},
    {Probe::prometheus, Behaviour::wrong_body, Outcome::wrong_body},
    {Probe::prometheus, Behaviour::wrong_status, Outcome::http_status},
    {Probe::prometheus, Behaviour::lying, Outcome::http_status},
};

/// Rows wait much more than they compute. So those that are to be run are carried out side by side,
/// and then judged one by one.
class Truth : public testing::TestWithParam<Row> {
 protected:
  static void SetUpTestSuite() {
    std::vector<const Row*> chosen;
    const testing::TestSuite& suite = *testing::UnitTest::GetInstance()->current_test_suite();
    for (int i = 0; i < suite.total_test_count(); ++i)
      for (const Row& row : rows)
        if (suite.GetTestInfo(i)->should_run() &&
            std::string(suite.GetTestInfo(i)->name()).ends_with("/" + row_name(row)))
          chosen.push_back(&row);
    // Different ones together: the same have to do at the same time.
    std::ranges::stable_sort(chosen, {}, [](const Row* row) { return row->bad; });
    watch_ = std::make_unique<StandstillWatch>();
    std::vector<std::promise<Outcomes>> promises(chosen.size());
    for (std::size_t i = 0; i < chosen.size(); ++i)
      outcomes_[row_name(*chosen[i])] = promises[i].get_future();
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> threads;
    for (int n = 0; n < at_once; ++n)
      threads.emplace_back([&] {
        for (std::size_t i = next++; i < chosen.size(); i = next++) {
          try {
            promises[i].set_value(carry_out(*chosen[i]));
          } catch (...) {
            promises[i].set_exception(std::current_exception());
          }
        }
      });
  }
  static void TearDownTestSuite() {
    outcomes_.clear();
    watch_.reset();
  }

  static constexpr int at_once = 5;
  static inline std::map<std::string, std::future<Outcomes>> outcomes_;
  static inline std::unique_ptr<StandstillWatch> watch_;
};

TEST_P(Truth, TellsWhatTheServerDidAndWhen) {
  const Row& row = GetParam();
  const bool stall = row.bad == Behaviour::stall;
  const Outcomes outcomes = outcomes_.at(row_name(row)).get();
  const Expected expected{row.outcome, static_cast<std::int64_t>(1e9 / rate_of(row.probe)),
                          stall ? slow_ns : patience_ns, stall};
  if (const std::string why = too_busy(outcomes.samples, outcomes.truth); !why.empty())
    GTEST_SKIP() << why;
  expect_truth(outcomes.samples, outcomes.truth, expected, *watch_);
}

INSTANTIATE_TEST_SUITE_P(Probes, Truth, testing::ValuesIn(rows),
                         [](const auto& row) { return row_name(row.param); });

// What asks for the health page believes the server; what asks for what users ask for does not.
TEST(TruthOfHealth, AServerThatLiesAboutItsHealthDeceivesOnlyWhoAsksForThat) {
  StandstillWatch watch;
  ScriptedServer server(setup_of(Probe::http));
  const auto asking = [&](const std::string& page, const std::string& body) {
    return std::make_unique<GoingFirst>(probes::make_http()->make(
        {{"url", fmt::format("http://127.0.0.1:{}{}", server.port(), page)},
         {"expect_body", body},
         {"rate_per_second", 40},
         {"timeout_ns", patience_ns},
         {"slow_ns", patience_ns}}));
  };
  ProbeRun health(asking("/healthz", "ok"));
  ProbeRun users(asking("/page?v={token}", "token {token}"));
  users.wait_for_ok(20);
  server.play({{0ms, Behaviour::lying}, {1217ms, Behaviour::healthy}});
  const BadTime truth = bad_time_of(server.changes());
  users.wait_for_ok(20);
  health.stop();
  users.stop();
  expect_all(health.samples(), Outcome::ok, 200);
  expect_truth(users.samples(), truth, {Outcome::http_status, 25'000'000, patience_ns}, watch);
}

// Of a stall that is longer than the deadline nobody is told the end: some requests time out, the
// next are late, the last are not even that. The interval is that of the stall all the same.
TEST(TruthOfHealth, AStallLongerThanTheDeadlineHasBothItsEnds) {
  StandstillWatch watch;
  ScriptedServer server(setup_of(Probe::http));
  constexpr std::int64_t deadline_ns = 1'500'000'000;
  ProbeRun probe(std::make_unique<GoingFirst>(probes::make_http()->make(
      {{"url", fmt::format("http://127.0.0.1:{}/page?v={{token}}", server.port())},
       {"expect_body", "token {token}"},
       {"rate_per_second", 40},
       {"timeout_ns", deadline_ns},
       {"slow_ns", slow_ns}})));
  probe.wait_for_ok(20);
  server.play({{0ms, Behaviour::stall}, {3217ms, Behaviour::healthy}});
  const BadTime truth = bad_time_of(server.changes());
  probe.wait_for_ok(60);
  probe.stop();
  const auto samples = probe.samples();
  EXPECT_GT(std::ranges::count(samples, Outcome::timeout, &kinds::Sample::outcome), 40);
  expect_truth(samples, truth, {Outcome::slow, 25'000'000, slow_ns, true, deadline_ns}, watch);
}

TEST(TruthOfIcmp, TellsWhenAHostDidNotAnswer) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: cannot make a network namespace";
  const UniqueFd network = create_network_namespace();
  const auto inside = [&](const std::function<void()>& work) {
    in_namespaces({{network.get(), CLONE_NEWNET}}, work);
  };
  inside([] { Netlink().set_up("lo", true); });
  BadTime truth{};
  const auto answers = [&](const char* ignore, std::int64_t& from_ns, std::int64_t& by_ns) {
    from_ns = mono_ns();
    inside([&] { write_value("/proc/sys/net/ipv4/icmp_echo_ignore_all", ignore); });
    by_ns = mono_ns();
  };
  StandstillWatch watch;
  std::unique_ptr<ProbeRun> probe;
  inside([&] {
    probe = std::make_unique<ProbeRun>(
        std::make_unique<GoingFirst>(probes::make_icmp()->make({{"address", "127.0.0.1"},
                                                                {"rate_per_second", 40},
                                                                {"timeout_ns", 400'000'000},
                                                                {"slow_ns", 400'000'000}})));
  });
  probe->wait_for_ok(20);
  answers("1", truth.begin_from_ns, truth.begin_by_ns);
  std::this_thread::sleep_for(1217ms);
  answers("0", truth.end_from_ns, truth.end_by_ns);
  probe->wait_for_ok(20);
  probe->stop();
  expect_truth(probe->samples(), truth, {Outcome::timeout, 25'000'000, 400'000'000}, watch);
}

}  // namespace
}  // namespace nospof::test
