// The http probe, against servers that fail in every way: what it shares with the https probe is
// tested there, here is what is different without TLS.

#include <cerrno>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "probes/http.hpp"
#include "system/check.hpp"
#include "system/clock.hpp"
#include "tests/kernel/https_server.hpp"
#include "tests/kernel/plain_server.hpp"
#include "tests/kernel/probe_run.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using kinds::Outcome;
using kinds::Sample;
using namespace std::chrono_literals;

constexpr int some = 5;

json::object config(int port, int count, double rate = 50) {
  return {{"url", fmt::format("http://www.nospof.test:{}/canary?id={{id}}&v={{token}}", port)},
          {"address", "127.0.0.1"},
          {"rate_per_second", rate},
          {"timeout_ns", 20'000'000'000},
          {"slow_ns", 20'000'000'000},
          {"expect_body", "token {token}"},
          {"count", count}};
}

std::vector<Sample> run(const json::object& wanted) {
  return run_to_end(*probes::make_http(), wanted);
}

std::string token_answer(const std::string& request) {
  return http_answer(200, "token " + token_of(request));
}

void answer_all(int fd) {
  while (const auto request = read_head(fd)) send_all(fd, token_answer(*request));
}

PlainServer::Handler write_after_request(std::string bytes) {
  return [bytes = std::move(bytes)](int fd) {
    if (read_head(fd)) send_all(fd, bytes);
  };
}

TEST(HttpProbe, Ok) {
  PlainServer server(answer_all);
  expect_all(run(config(server.port(), some)), Outcome::ok, 200);
  auto kept = config(server.port(), some);
  kept["connection"] = "keep-alive";
  expect_all(run(kept), Outcome::ok, 200);
}

TEST(HttpProbe, OkWhenTheEndIsTheEndOfTheBody) {
  PlainServer server([](int fd) {
    if (const auto request = read_head(fd))
      send_all(fd, "HTTP/1.1 200 OK\r\n\r\ntoken " + token_of(*request));
  });
  expect_all(run(config(server.port(), some)), Outcome::ok, 200);
}

TEST(HttpProbe, ConnectRefused) {
  const int port = listen_on_loopback(1).port;  // closed again at once
  expect_all(run(config(port, some)), Outcome::connect_refused, ECONNREFUSED);
}

TEST(HttpProbe, Reset) {
  PlainServer at_once([](int fd) {
    read_head(fd);
    reset_on_close(fd);
  });
  expect_all(run(config(at_once.port(), some)), Outcome::reset, ECONNRESET);
  PlainServer without_answer([](int fd) { read_head(fd); });
  expect_all(run(config(without_answer.port(), some)), Outcome::reset, 0);
  PlainServer within(write_after_request("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ntoken"));
  expect_all(run(config(within.port(), some)), Outcome::reset, 0);
}

TEST(HttpProbe, TimeoutWhenConnectedButNotAnswered) {
  PlainServer server([](int fd) {
    read_head(fd);
    wait_for_end(fd);
  });
  auto impatient = config(server.port(), some);
  impatient["timeout_ns"] = 500'000'000;
  impatient.erase("slow_ns");
  const auto samples = run(impatient);
  expect_all(samples, Outcome::timeout, 0);
  for (const Sample& sample : samples)
    EXPECT_GE(sample.finished_ns - sample.scheduled_ns, 500'000'000);
}

TEST(HttpProbe, WrongAnswers) {
  PlainServer unavailable(write_after_request(http_answer(503, "token")));
  expect_all(run(config(unavailable.port(), some)), Outcome::http_status, 503);
  PlainServer garbage(write_after_request("220 mail.example ESMTP\r\n"));
  expect_all(run(config(garbage.port(), some)), Outcome::http_malformed, 0);
  PlainServer lying(write_after_request(http_answer(200, "token 0123456789abcdef")));
  expect_all(run(config(lying.port(), some)), Outcome::wrong_body, 200);
}

TEST(HttpProbe, ATlsServerIsNoAnswer) {
  const Authority authority;
  TlsServer server(authority.issue("DNS:www.nospof.test"),
                   [](ServerConnection& connection) { connection.handshake(); });
  const auto samples = run(config(server.port(), some));
  for (const Sample& sample : samples) EXPECT_NE(sample.outcome, Outcome::ok);
}

TEST(HttpProbe, NeverRepeatsWhatTheServerMayHaveSeen) {
  std::atomic<int> requests = 0;
  PlainServer server([&](int fd) {
    for (int i = 1; const auto request = read_head(fd); ++i) {
      ++requests;
      if (i == 2) return;
      send_all(fd, token_answer(*request));
    }
  });
  auto kept = config(server.port(), 20);
  kept["connection"] = "keep-alive";
  const auto samples = run(kept);
  EXPECT_EQ(requests, 20);
  for (const Sample& sample : samples)
    if (sample.outcome != Outcome::ok) {
      EXPECT_EQ(sample.outcome, Outcome::reset);
    }
}

TEST(HttpProbe, AStoppedServerShowsInFull) {
  const Listener listener = listen_on_loopback(4096);
  const ServerProcess server([&] {
    for (;;) {
      const UniqueFd fd(::accept(listener.fd.get(), nullptr, nullptr));
      if (const auto request = read_head(fd.get())) send_all(fd.get(), token_answer(*request));
    }
  });
  constexpr double rate = 100;
  ProbeRun probe(probes::make_http()->make(config(listener.port, 0, rate)));
  probe.wait_for_ok(20);
  server.freeze();
  const std::int64_t frozen = mono_ns();
  std::this_thread::sleep_for(1s);
  const std::int64_t thawed = mono_ns();
  server.thaw();
  probe.wait_for_ok(static_cast<int>(rate) + 20);
  probe.stop();
  const auto samples = probe.samples();
  expect_all(samples, Outcome::ok);
  expect_freeze_in_full(samples, frozen, thawed, rate);
}

TEST(HttpProbe, FollowsItsRamp) {
  PlainServer server(answer_all);
  auto ramped = config(server.port(), 60, 20);
  ramped["ramp_to_per_second"] = 100;
  ramped["ramp_over_ns"] = 1'000'000'000;
  const auto samples = run(ramped);
  expect_all(samples, Outcome::ok);
  // At 20/s going to 100/s within a second, 60 requests are due in exactly that second.
  const auto gap = [&](std::size_t k) {
    return samples.at(k).scheduled_ns - samples.at(k - 1).scheduled_ns;
  };
  EXPECT_GT(gap(1), 40'000'000);
  EXPECT_LT(gap(59), 10'200'000);
  EXPECT_NEAR(static_cast<double>(samples.at(59).scheduled_ns - samples.at(0).scheduled_ns), 0.99e9,
              0.001e9);
}

TEST(HttpProbe, BeginsInItsPhase) {
  PlainServer server(answer_all);
  auto phased = config(server.port(), some, 10);
  phased["phase_ns"] = 30'000'000;
  const SystemClock clock;
  const auto wall_minus_mono =
      clock.wall().time_since_epoch().count() - clock.now().time_since_epoch().count();
  for (const Sample& sample : run(phased)) {
    const auto offset = (sample.scheduled_ns + wall_minus_mono) % 100'000'000;
    EXPECT_NEAR(static_cast<double>(offset), 30e6, 10e6);
  }
}

TEST(HttpProbe, CannotEvenBeMade) {
  auto lab_from_outside = config(80, some);
  lab_from_outside["address"] = "198.18.0.100";
  EXPECT_THROW(probes::make_http()->make(lab_from_outside), Error);
}

}  // namespace
}  // namespace nospof::test
