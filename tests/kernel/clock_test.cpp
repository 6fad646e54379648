// An agent and a prober whose clock is a day ahead, as on another machine: in a time namespace.

#include <algorithm>
#include <csignal>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "control/clock_book.hpp"
#include "control/prober_client.hpp"
#include "hosts/agent_client.hpp"
#include "report/report.hpp"
#include "system/process.hpp"
#include "tests/kernel/truth.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"
#include "verdict/judge.hpp"

namespace nospof::test {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using control::ClockBook;
using namespace std::chrono_literals;

constexpr std::int64_t day_ns = 86'400'000'000'000;
constexpr const char* far = "far";

class Clocks : public testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: cannot make a time namespace";
    if (::access("/proc/self/ns/time", F_OK) != 0)
      GTEST_SKIP() << "this kernel has no time namespaces (CONFIG_TIME_NS)";
  }

  static hosts::RemoteProcess start(std::vector<std::string> argv) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    SpawnOptions options;
    options.argv = std::move(argv);
    options.stdin_fd = in.read_end.get();
    options.stdout_fd = out.write_end.get();
    options.new_session = true;
    return {std::move(in.write_end), std::move(out.read_end), spawn(options)};
  }
  static hosts::RemoteProcess start_ahead(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv{"unshare", "--time", "--monotonic",  "86400",      "--boottime",
                                  "86400",   "--fork", "--kill-child", built_program};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return start(std::move(argv));
  }
  std::vector<std::string> agent_arguments(const std::string& host) {
    return {"agent", "--host", host, "--journal", folder_ / (host + ".journal")};
  }

  void run(asio::awaitable<void> task) {
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error) {
      failure = error;
      done = true;
      context_.stop();
    });
    context_.restart();
    context_.run_for(60s);
    ASSERT_TRUE(done) << "it does not end";
    if (failure) std::rethrow_exception(failure);
  }
  asio::awaitable<void> pause(std::chrono::milliseconds length) {
    asio::steady_timer timer(context_, length);
    co_await timer.async_wait(asio::use_awaitable);
  }
  static asio::awaitable<void> read(ClockBook& clocks, hosts::AgentClient& agent,
                                    std::string host) {
    const ClockBook::Ask ask = [&agent](std::chrono::milliseconds within) {
      return agent.request("clock", {}, within);
    };
    const std::string of = "agent";
    co_await clocks.read(host, of, ask);
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  asio::io_context context_{1};
};

TEST_F(Clocks, AnAgentOfThisMachineSharesItsClockForCertain) {
  control::Recorder recorder(folder_.path(), "run", clock_);
  ClockBook clocks(recorder, clock_);
  std::vector<std::string> argv = agent_arguments("near");
  argv.insert(argv.begin(), built_program);
  hosts::AgentClient agent(context_.get_executor(), start(std::move(argv)), "near");
  EXPECT_FALSE(clocks.is_own("near")) << "nobody has asked yet";
  run([&]() -> asio::awaitable<void> {
    co_await read(clocks, agent, "near");
    co_await agent.close();
  }());
  EXPECT_TRUE(clocks.is_own("near"));
  EXPECT_EQ(clocks.to_own("near", 12345), 12345);
}

TEST_F(Clocks, AClockThatIsADayAheadIsMeasured) {
  control::Recorder recorder(folder_.path(), "run", clock_);
  ClockBook clocks(recorder, clock_);
  hosts::AgentClient agent(context_.get_executor(), start_ahead(agent_arguments(far)), far);
  run([&]() -> asio::awaitable<void> {
    co_await read(clocks, agent, far);
    co_await read(clocks, agent, far);
    co_await agent.close();
  }());
  EXPECT_FALSE(clocks.is_own(far));
  const verdict::RunRecord record = report::load_events(recorder.folder());
  ASSERT_EQ(record.clock_readings.size(), 2U);
  for (const verdict::ClockReading& reading : record.clock_readings) {
    EXPECT_FALSE(reading.same);
    const verdict::ClockOffset offset = record.clocks.at(far, reading.host_ns);
    EXPECT_TRUE(offset.consistent);
    EXPECT_LE(std::abs(offset.ahead.count() - day_ns), offset.uncertainty.count());
    EXPECT_GT(offset.uncertainty, Nanoseconds{0});
    EXPECT_LE(reading.sent_ns, reading.host_ns - day_ns);
    EXPECT_LE(reading.host_ns - day_ns, reading.received_ns);
  }
}

/// A whole run, recorded by hand, of one cell on a host whose agent and prober are a day ahead.
class RecordedRun {
 public:
  RecordedRun(const std::string& root, const Clock& clock) : recorder(root, "run", clock) {
    recorder.event("run-started",
                   {{"schema", 1},
                    {"mode", "prove"},
                    {"name", "run"},
                    {"topology", {{"name", "far"}, {"file", ""}, {"sha256", ""}}},
                    {"outage_budget_ns", 10'000'000'000},
                    {"settle_ns", 300'000'000},
                    {"probe",
                     {{"name", "https"},
                      {"period_ns", 25'000'000},
                      {"slow_ns", 20'000'000'000},
                      {"timeout_ns", 20'000'000'000},
                      {"from", far}}},
                    {"cells", json::array{json::object{{"id", "c"}, {"host", far}}}}});
    recorder.open_samples(25ms);
    event("cell-started");
    phase("baseline");
  }
  void event(const char* type, json::object fields = {}) {
    fields["cell"] = "c";
    recorder.event(type, std::move(fields));
  }
  void phase(const char* name) { event("phase", {{"phase", name}}); }
  void step(const char* name, std::int64_t host_ns, const char* outcome = "") {
    event("step", {{"injection", "c"},
                   {"host", far},
                   {"clock", far},
                   {"at_ns", host_ns},
                   {"step", name},
                   {"ok", true},
                   {"outcome", outcome}});
  }
  void finish() {
    event("redundant", {{"ok", true}, {"detail", "all"}});
    phase("done");
    event("cell-finished", {{"outcome", "executed"}});
    recorder.event("run-finished", {{"reason", "complete"}});
    recorder.flush_samples();
  }
  control::Recorder recorder;
};

TEST_F(Clocks, AnOutageSeenByAClockThatIsADayAheadContainsTheTruth) {
  StandstillWatch watch;
  ScriptedServer::Setup setup;
  setup.speaks = ScriptedServer::Speaks::http;
  ScriptedServer server(setup);
  RecordedRun recorded(folder_.path(), clock_);
  ClockBook clocks(recorded.recorder, clock_);
  hosts::AgentClient agent(context_.get_executor(), start_ahead(agent_arguments(far)), far);
  control::ProberEvents events;
  std::vector<kinds::Sample> samples;
  events.samples = [&](const std::string&, const std::vector<kinds::Sample>& batch) {
    for (const kinds::Sample& sample : batch) recorded.recorder.add_sample(sample);
    samples.insert(samples.end(), batch.begin(), batch.end());
  };
  control::ProberClient prober(context_, start_ahead({"prober"}), far, std::move(events));
  BadTime injected{};
  run([&]() -> asio::awaitable<void> {
    std::vector<control::ProbeOrder> orders(1);
    orders[0] = {"https",
                 "http",
                 {{"url", fmt::format("http://127.0.0.1:{}/page?v={{token}}", server.port())},
                  {"expect_body", "token {token}"},
                  {"rate_per_second", 40},
                  {"timeout_ns", 20'000'000'000},
                  {"slow_ns", 20'000'000'000}}};
    co_await prober.start(orders);
    co_await read(clocks, agent, far);
    const ClockBook::Ask ask = [&prober](std::chrono::milliseconds within) {
      return prober.clock(within);
    };
    const std::string of = "prober";
    const std::string host = far;
    co_await clocks.read(host, of, ask);
    co_await pause(700ms);
    recorded.phase("inject");
    const auto far_now = [&]() -> asio::awaitable<std::int64_t> {
      const json::object answer = co_await agent.request("clock", {}, 5000ms);
      co_return answer.at("mono_ns").to_number<std::int64_t>();
    };
    injected.begin_from_ns = clock_.now().time_since_epoch().count();
    std::int64_t at_ns = co_await far_now();
    injected.begin_by_ns = clock_.now().time_since_epoch().count();
    recorded.step("undo-written", at_ns);
    recorded.step("inject", at_ns);
    recorded.step("confirm", at_ns, "confirmed");
    server.play({{37ms, Behaviour::refuse}, {1217ms, Behaviour::healthy}});
    co_await pause(2000ms);
    recorded.phase("heal");
    at_ns = co_await far_now();
    recorded.step("heal", at_ns);
    recorded.step("confirm-healed", at_ns, "confirmed");
    co_await pause(700ms);
    co_await read(clocks, agent, far);
    co_await prober.stop(5000ms);
    co_await agent.close();
  }());
  recorded.finish();
  const BadTime truth = bad_time_of(server.changes());

  ASSERT_FALSE(samples.empty());
  EXPECT_GT(samples.front().scheduled_ns, truth.begin_from_ns + day_ns / 2) << "as it was timed";
  const verdict::RunRecord record = report::load_run(recorded.recorder.folder());
  const verdict::CellResult cell = verdict::judge_cell(record, 0);
  ASSERT_EQ(cell.outages.size(), 1U);
  const std::int64_t vague = cell.outages[0].clock.count();
  EXPECT_GT(vague, 0);
  EXPECT_LE(cell.clock_uncertainty.count(), day_ns / 86'400) << "below a second at any rate";
  const std::int64_t stood = watch.total_ns(truth.begin_from_ns, truth.end_by_ns);
  const auto contains = [&](const verdict::Interval& interval, std::int64_t least,
                            std::int64_t most) {
    EXPECT_LE(interval.lower.count(), most) << verdict::interval_text(interval);
    ASSERT_TRUE(interval.upper.has_value());
    EXPECT_GE(interval.upper->count(), least) << verdict::interval_text(interval);
  };
  contains(cell.longest, truth.end_from_ns - truth.begin_by_ns,
           truth.end_by_ns - truth.begin_from_ns);
  EXPECT_LE(cell.longest.upper->count(), truth.end_by_ns - truth.begin_from_ns + 2 * 25'000'000 +
                                             4 * vague + 2 * stood + 100'000'000)
      << "and not by being vague";
  ASSERT_TRUE(cell.recovery.has_value());
  contains(*cell.recovery, truth.end_from_ns - injected.begin_by_ns,
           truth.end_by_ns - injected.begin_from_ns);
  EXPECT_EQ(verdict::verdict_name(cell.verdict), "pass") << testing::PrintToString(cell.reasons);
}

}  // namespace
}  // namespace nospof::test
