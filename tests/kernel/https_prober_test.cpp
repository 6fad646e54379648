// The prober's protocol, end to end through pipes.

#include <filesystem>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "agent/prober.hpp"
#include "kinds/registry.hpp"
#include "probes/https.hpp"
#include "probes/ledger.hpp"
#include "system/check.hpp"
#include "tests/kernel/https_probing.hpp"
#include "tests/kernel/ledger_server.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// A prober on a thread of its own, and the controller's ends of its pipes.
class Prober {
 public:
  explicit Prober(agent::ProberLimits limits = {}) {
    registry_.add(probes::make_https());
    registry_.add(probes::make_ledger());
    thread_ = std::thread([this, limits] {
      result_ = agent::run_prober(registry_, in_.read_end.get(), out_.write_end.get(), limits);
      out_.write_end.reset();
    });
  }
  ~Prober() {
    in_.write_end.reset();
    out_.read_end.reset();
    if (thread_.joinable()) thread_.join();
  }
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  void write(const std::string& line) { write_all(in_.write_end.get(), line + "\n", "the prober"); }
  void start(const json::object& config, bool realtime = false) {
    write(json::serialize(
        json::object{{"probe", "https"}, {"config", config}, {"realtime", realtime}}));
  }
  void end_input() { in_.write_end.reset(); }
  void stop_reading() { out_.read_end.reset(); }
  int output() const { return out_.read_end.get(); }
  /// The next message; an empty object at the end.
  json::object read() {
    std::size_t end = 0;
    while ((end = text_.find('\n')) == std::string::npos) {
      std::array<char, 4096> block{};
      const ssize_t n = check("read from the prober", ::read(output(), block.data(), block.size()));
      if (n == 0) return {};
      text_.append(block.data(), static_cast<std::size_t>(n));
    }
    const json::object message = json::parse(text_.substr(0, end)).as_object();
    text_.erase(0, end + 1);
    return message;
  }
  int result() {
    thread_.join();
    return result_;
  }

 private:
  kinds::Registry registry_;
  Pipe in_ = make_pipe();
  Pipe out_ = make_pipe();
  std::string text_;
  int result_ = -1;
  std::thread thread_;
};

/// Threads of this process that go before others.
std::size_t realtime_threads() {
  std::size_t count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    const int policy = ::sched_getscheduler(std::stoi(thread.path().filename().string()));
    if (policy >= 0 && (policy & ~SCHED_RESET_ON_FORK) == SCHED_RR) ++count;
  }
  return count;
}

class HttpsProber : public HttpsProbing {
 protected:
  /// Reads up to "done" and returns the number of samples, which it must state; checks each.
  static std::uint64_t samples_up_to_done(Prober& prober, std::uint64_t already = 0) {
    std::uint64_t count = already;
    for (;;) {
      const json::object message = prober.read();
      if (message.empty()) {
        ADD_FAILURE() << "the prober ended without \"done\"";
        return count;
      }
      if (message.contains("done")) {
        EXPECT_EQ(message.at("sent").to_number<std::uint64_t>(), count);
        EXPECT_TRUE(prober.read().empty());
        return count;
      }
      if (const auto* samples = message.if_contains("samples")) count += check_batch(*samples);
    }
  }
  static std::uint64_t check_batch(const json::value& samples) {
    for (const json::value& entry : samples.as_array()) {
      const json::array& fields = entry.as_array();
      EXPECT_EQ(fields.size(), 6U);
      EXPECT_GT(fields.at(1).to_number<std::int64_t>(), 0);
      EXPECT_GE(fields.at(2).to_number<std::int64_t>(), fields.at(1).to_number<std::int64_t>());
      EXPECT_GE(fields.at(3).to_number<std::int64_t>(), fields.at(2).to_number<std::int64_t>());
      EXPECT_EQ(fields.at(4).to_number<int>(), static_cast<int>(kinds::Outcome::ok));
      EXPECT_EQ(fields.at(5).to_number<int>(), 200);
    }
    return samples.as_array().size();
  }
};

TEST_F(HttpsProber, TellsSamplesWhileItRunsUntilStopped) {
  TlsServer server(good_identity(), echo_token);
  Prober prober;
  prober.start(config(server.port(), 0, 100));
  const json::object ready = prober.read();
  EXPECT_TRUE(ready.at("ready").as_bool());
  const auto wall = ready.at("wall_minus_mono_ns").to_number<std::int64_t>();
  const SystemClock clock;
  const auto here = (clock.wall().time_since_epoch() - clock.now().time_since_epoch()).count();
  EXPECT_NEAR(static_cast<double>(wall), static_cast<double>(here), 5e9);
  std::uint64_t count = 0;
  bool told_lateness = false;
  while (count < 20 || !told_lateness) {
    const json::object message = prober.read();
    ASSERT_FALSE(message.empty());
    if (const auto* samples = message.if_contains("samples")) count += check_batch(*samples);
    told_lateness = told_lateness || message.contains("lateness_ns");
  }
  prober.write("stop");
  EXPECT_GE(samples_up_to_done(prober, count), count);
  EXPECT_EQ(prober.result(), 0);
}

TEST_F(HttpsProber, TellsTheOperationsOfALedgerInTheirOrder) {
  LedgerStore store;
  PlainServer server([&](int fd) {
    if (const auto head = read_head(fd)) send_all(fd, store.answer(*head));
  });
  const std::string url = fmt::format("http://127.0.0.1:{}", server.port());
  Prober prober;
  prober.write(json::serialize(json::object{{"name", "rows"},
                                            {"probe", "ledger"},
                                            {"config",
                                             {{"write_url", url + "/write?id={id}&v={token}"},
                                              {"read_url", url + "/read?ids={ids}"},
                                              {"every_ns", 2'000'000}}}}));
  ASSERT_TRUE(prober.read().contains("ready"));
  std::vector<kinds::Operation> operations;
  const auto take = [&](const json::object& message) {
    const json::value* batch = message.if_contains("operated");
    if (batch == nullptr) return;
    EXPECT_EQ(message.at("of"), "rows");
    for (const json::value& entry : batch->as_array())
      operations.push_back(kinds::operation_from_json(entry.as_array()));
  };
  while (operations.size() < 600) take(prober.read());
  prober.write("stop");
  for (;;) {
    const json::object message = prober.read();
    ASSERT_FALSE(message.empty());
    take(message);
    if (message.contains("done")) break;
  }
  EXPECT_EQ(prober.result(), 0);
  EXPECT_TRUE(std::ranges::is_sorted(operations, {}, &kinds::Operation::at_ns));
  std::set<std::int64_t> open;
  for (const kinds::Operation& operation : operations) {
    if (operation.event == kinds::Operation::Event::invoke)
      EXPECT_TRUE(open.insert(operation.process).second);
    else
      EXPECT_EQ(open.erase(operation.process), 1U);
  }
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(operations.back().rows.size(), store.rows()) << "the last read";
}

TEST_F(HttpsProber, GoesFirstOnlyWhenAskedTo) {
  TlsServer server(good_identity(), echo_token);
  for (const bool asked : {false, true}) {
    Prober prober;
    prober.start(config(server.port(), 0, 100), asked);
    const json::object ready = prober.read();
    if (asked && !ready.at("realtime").as_bool()) GTEST_SKIP() << "no real time allowed here";
    EXPECT_EQ(ready.at("realtime").as_bool(), asked);
    while (!prober.read().contains("samples")) continue;
    EXPECT_EQ(realtime_threads(), asked ? 1U : 0U);
    prober.end_input();
    EXPECT_EQ(prober.result(), 0);
  }
}

TEST_F(HttpsProber, EndsAtTheEndOfItsInput) {
  TlsServer server(good_identity(), echo_token);
  Prober prober;
  prober.start(config(server.port(), 0, 100));
  ASSERT_TRUE(prober.read().contains("ready"));
  while (!prober.read().contains("samples")) continue;
  prober.end_input();
  while (true) {
    const json::object message = prober.read();
    ASSERT_FALSE(message.empty());
    if (message.contains("done")) break;
  }
  EXPECT_EQ(prober.result(), 0);
}

TEST_F(HttpsProber, EndsByItselfAfterItsCount) {
  TlsServer server(good_identity(), echo_token);
  Prober prober;
  prober.start(config(server.port(), 25, 100));
  ASSERT_TRUE(prober.read().contains("ready"));
  EXPECT_EQ(samples_up_to_done(prober), 25U);
  EXPECT_EQ(prober.result(), 0);
}

TEST_F(HttpsProber, SaysWhyItCannotStart) {
  const std::string good = json::serialize(config(443, 1));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"no json", "no JSON object"},
      {"[]", "no JSON object"},
      {R"({"probe":"https"})", "expected {\"probe\""},
      {R"({"probe":"ftp","config":{}})", "unknown probe 'ftp'; this program knows: https"},
      {R"({"probe":"https","config":{}})", "url is missing"},
      {R"({"probe":"https","config":{"url":"https://a","rate_per_second":1,"colour":1}})",
       "unknown key 'colour'"},
      {R"({"probe":"https","config":{"url":"https://a","rate_per_second":1,)"
       R"("address":"198.18.0.1"}})",
       "198.18.0.1"},
  };
  for (const auto& [line, expected] : cases) {
    Prober prober;
    prober.write(line);
    const json::object message = prober.read();
    ASSERT_TRUE(message.contains("error")) << line;
    EXPECT_THAT(std::string(message.at("error").as_string()), testing::HasSubstr(expected));
    EXPECT_TRUE(prober.read().empty());
    EXPECT_EQ(prober.result(), 2);
  }
  Prober unasked;
  unasked.end_input();
  EXPECT_TRUE(unasked.read().contains("error"));
  EXPECT_EQ(unasked.result(), 2);
}

TEST_F(HttpsProber, AReaderThatStopsDoesNotStallTheSchedule) {
  int port = 0;
  {
    const Listener gone = listen_on_loopback(1);
    port = gone.port;
  }
  Prober prober;
  ASSERT_GE(::fcntl(prober.output(), F_SETPIPE_SZ, 4096), 4096);
  constexpr std::uint64_t count = 1000;
  prober.start(config(port, count, 2000));
  std::this_thread::sleep_for(700ms);
  const auto reading_since = SystemClock().now().time_since_epoch().count();
  std::uint64_t seen = 0;
  std::uint64_t started_unread = 0;
  for (json::object message = prober.read(); !message.contains("done"); message = prober.read()) {
    ASSERT_FALSE(message.empty());
    const auto* samples = message.if_contains("samples");
    if (samples == nullptr) continue;
    for (const json::value& entry : samples->as_array()) {
      ++seen;
      if (entry.as_array().at(2).to_number<std::int64_t>() < reading_since) ++started_unread;
    }
  }
  EXPECT_EQ(seen, count);
  // The pipe holds some 50 of them.
  EXPECT_GT(started_unread, 200U);
  EXPECT_EQ(prober.result(), 0);
}

TEST_F(HttpsProber, EndsWithAnErrorWhenTooMuchPilesUp) {
  int port = 0;
  {
    const Listener gone = listen_on_loopback(1);
    port = gone.port;
  }
  Prober prober({20'000});
  ASSERT_GE(::fcntl(prober.output(), F_SETPIPE_SZ, 4096), 4096);
  prober.start(config(port, 0, 2000));
  EXPECT_EQ(prober.result(), 3);
}

TEST_F(HttpsProber, EndsWithAnErrorWhenItsReaderIsGone) {
  TlsServer server(good_identity(), echo_token);
  Prober prober;
  prober.start(config(server.port(), 0, 100));
  ASSERT_TRUE(prober.read().contains("ready"));
  prober.stop_reading();
  EXPECT_EQ(prober.result(), 3);
}

}  // namespace
}  // namespace nospof::test
