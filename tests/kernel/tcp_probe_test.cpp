// The tcp probe, against servers that fail in every way.

#include <cerrno>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "probes/endpoint.hpp"
#include "probes/tcp.hpp"
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
constexpr std::int64_t short_timeout = 400'000'000;

json::object config(int port, int count, double rate = 50) {
  return {{"host", "127.0.0.1"},       {"port", port},
          {"rate_per_second", rate},   {"timeout_ns", 20'000'000'000},
          {"slow_ns", 20'000'000'000}, {"count", count}};
}

json::object greeted(json::object wanted) {
  wanted["expect"] = "SSH-2.0";
  return wanted;
}

json::object impatient(json::object wanted) {
  wanted["timeout_ns"] = short_timeout;
  wanted.erase("slow_ns");
  return wanted;
}

std::vector<Sample> run(const json::object& wanted) {
  return run_to_end(*probes::make_tcp(), wanted);
}

void expect_full_timeout(const std::vector<Sample>& samples) {
  for (const Sample& sample : samples)
    EXPECT_GE(sample.finished_ns - sample.scheduled_ns, short_timeout);
}

TEST(TcpProbe, OkWhenItIsOpen) {
  const Listener listener = listen_on_loopback(1024);
  expect_all(run(config(listener.port, some)), Outcome::ok, 0);
}

TEST(TcpProbe, OkWithItsGreeting) {
  PlainServer server([](int fd) {
    send_all(fd, "SSH-");
    std::this_thread::sleep_for(5ms);
    send_all(fd, "2.0-x\r\n");
    wait_for_end(fd);
  });
  expect_all(run(greeted(config(server.port(), some))), Outcome::ok, 0);
}

TEST(TcpProbe, ConnectRefused) {
  const int port = listen_on_loopback(1).port;  // closed again at once
  expect_all(run(config(port, some)), Outcome::connect_refused, ECONNREFUSED);
}

TEST(TcpProbe, ConnectTimeoutWhenNobodyAnswersTheSyn) {
  // A full accept queue drops every further SYN, as a host without power does.
  const Listener full = listen_on_loopback(0);
  std::vector<UniqueFd> fillers;
  int error_number = 0;
  const probes::Endpoint endpoint = probes::resolve_endpoint("127.0.0.1", full.port);
  for (int i = 0; i < 3; ++i) fillers.push_back(probes::begin_connect(endpoint, error_number));
  const auto samples = run(impatient(config(full.port, some)));
  expect_all(samples, Outcome::connect_timeout, 0);
  expect_full_timeout(samples);
}

TEST(TcpProbe, ResetBeforeAGreeting) {
  PlainServer resetting([](int fd) { reset_on_close(fd); });
  expect_all(run(greeted(config(resetting.port(), some))), Outcome::reset);
  PlainServer closing([](int) {});
  expect_all(run(greeted(config(closing.port(), some))), Outcome::reset, 0);
}

TEST(TcpProbe, TimeoutWithoutAGreeting) {
  PlainServer silent([](int fd) { wait_for_end(fd); });
  const auto samples = run(impatient(greeted(config(silent.port(), some))));
  expect_all(samples, Outcome::timeout, 0);
  expect_full_timeout(samples);
}

TEST(TcpProbe, WrongBody) {
  PlainServer closing([](int fd) { send_all(fd, "Host is blocked"); });
  expect_all(run(greeted(config(closing.port(), some))), Outcome::wrong_body, 0);
  PlainServer waiting([](int fd) {
    send_all(fd, "220 mail");
    wait_for_end(fd);
  });
  expect_all(run(impatient(greeted(config(waiting.port(), some)))), Outcome::wrong_body, 0);
  PlainServer endless([](int fd) { send_all(fd, std::string(4096, 'x')); });
  expect_all(run(greeted(config(endless.port(), some))), Outcome::wrong_body, 0);
}

TEST(TcpProbe, NeverWaitsForAnswers) {
  PlainServer silent([](int fd) { wait_for_end(fd); });
  auto wanted = impatient(greeted(config(silent.port(), 100, 100)));
  const auto samples = run(wanted);
  expect_exact_schedule(samples, 100);
  expect_all(samples, Outcome::timeout, 0);
}

TEST(TcpProbe, AStoppedServerShowsInFull) {
  const Listener listener = listen_on_loopback(4096);
  const ServerProcess server([&] {
    for (;;) {
      const UniqueFd fd(::accept(listener.fd.get(), nullptr, nullptr));
      send_all(fd.get(), "SSH-2.0-x\r\n");
    }
  });
  constexpr double rate = 100;
  ProbeRun probe(probes::make_tcp()->make(greeted(config(listener.port, 0, rate))));
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

}  // namespace
}  // namespace nospof::test
