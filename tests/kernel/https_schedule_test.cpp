// The probe's schedule: open-loop, absolute, and latency counted from it.

#include <algorithm>
#include <iterator>

#include <gtest/gtest.h>

#include "tests/kernel/https_probing.hpp"

namespace nospof::test {
namespace {

using kinds::Outcome;
using kinds::Sample;
using HttpsSchedule = HttpsProbing;
using namespace std::chrono_literals;

TEST_F(HttpsSchedule, NeverWaitsForAnswers) {
  Gate gate;
  TlsServer server(good_identity(), [&](ServerConnection&) { gate.pass(); });
  const Gate::Shut shut(gate);
  constexpr int count = 100;
  constexpr double rate = 100;
  auto unanswered = config(server.port(), count, rate);
  unanswered["timeout_ns"] = 2'000'000'000;
  unanswered["slow_ns"] = 2'000'000'000;
  const auto samples = run(unanswered);
  expect_exact_schedule(samples, rate);
  expect_all(samples, Outcome::timeout, 0);
  // One after the other they would take 200 s.
  EXPECT_LT(samples.back().started_ns - samples.front().started_ns, 100'000'000'000);
  EXPECT_GT(server.most_open(), 1);
}

TEST_F(HttpsSchedule, DoesNotDrift) {
  TlsServer server(good_identity(), echo_token);
  constexpr double rate = 170;  // its period is no whole number of nanoseconds
  auto unending = config(server.port(), 0, rate);
  unending["connection"] = "keep-alive";
  const auto before = mono_ns();
  HttpsRun probe(unending);
  probe.wait_for_ok(100);
  probe.stop();
  const auto samples = probe.samples();
  const auto seconds = static_cast<double>(mono_ns() - before) / 1e9;
  expect_exact_schedule(samples, rate);
  expect_all(samples, Outcome::ok);
  EXPECT_LE(static_cast<double>(samples.size()), seconds * rate + 1);
  EXPECT_FALSE(probe.latenesses().empty());
}

// Beyond 10,000 requests per second they leave in rounds.
TEST_F(HttpsSchedule, IsKeptByHighRatesToo) {
  TlsServer server(good_identity(), echo_token);
  constexpr double rate = 20'000;
  auto dense = config(server.port(), 2'000, rate);
  dense["connection"] = "keep-alive";
  dense["max_connections"] = 8;
  dense["timeout_ns"] = dense["slow_ns"] = 60'000'000'000;
  const auto samples = run(dense);
  expect_exact_schedule(samples, rate);
  expect_all(samples, Outcome::ok);
  for (const Sample& sample : samples) ASSERT_GE(sample.started_ns, sample.scheduled_ns);
  EXPECT_LE(server.connections(), 8);
}

TEST_F(HttpsSchedule, TellsHowLateItWas) {
  TlsServer server(good_identity(), echo_token);
  HttpsRun probe(config(server.port(), 20));
  std::int64_t worst = 0;
  for (const Sample& sample : probe.samples())
    worst = std::max(worst, sample.started_ns - sample.scheduled_ns);
  std::int64_t told = 0;
  for (const std::int64_t lateness : probe.latenesses()) told = std::max(told, lateness);
  EXPECT_EQ(told, worst);
}

// Every request opens a connection while none is idle; under the thread sanitizer 200 handshakes a
// second are more than a machine can do.
#ifdef __SANITIZE_THREAD__
constexpr double freeze_rate = 50;
#else
constexpr double freeze_rate = 200;
#endif

// What a SIGSTOP does to a server: the kernel goes on accepting, nothing is answered, and
// afterwards everything is. No request fails, so only latency against the schedule can show the
// outage.
TEST_F(HttpsSchedule, AFreezeShowsInFull) {
  Gate gate;
  TlsServer server(good_identity(), [&](ServerConnection& connection) {
    gate.pass();
    if (!connection.handshake()) return;
    while (const auto request = connection.read_request()) {
      gate.pass();
      connection.write(http_answer(200, "token " + token_of(*request)));
    }
  });
  constexpr std::int64_t slow_ns = 50'000'000;
  auto unending = config(server.port(), 0, freeze_rate);
  unending["connection"] = "keep-alive";
  unending["slow_ns"] = slow_ns;
  HttpsRun probe(unending);
  probe.wait_for_ok(20);
  std::int64_t frozen = 0;
  std::int64_t thawed = 0;
  {
    const Gate::Shut shut(gate);
    frozen = mono_ns();
    std::this_thread::sleep_for(1s);
    thawed = mono_ns();
  }
  probe.wait_for_ok(20);
  probe.stop();
  const auto samples = probe.samples();
  expect_exact_schedule(samples, freeze_rate);

  // Due while it lasted, and early enough to be late: none of them may have passed as good.
  const auto is_slow = [](const Sample& sample) { return sample.outcome == Outcome::slow; };
  const auto first = std::find_if(samples.begin(), samples.end(),
                                  [&](const Sample& s) { return s.scheduled_ns > frozen; });
  const auto end = std::find_if(
      first, samples.end(), [&](const Sample& s) { return s.scheduled_ns >= thawed - slow_ns; });
  EXPECT_NEAR(static_cast<double>(end - first),
              static_cast<double>(thawed - frozen - slow_ns) / 1e9 * freeze_rate, 1.0);
  ASSERT_TRUE(first != end && std::all_of(first, end, is_slow));

  // The outage as measured, from the last good start to the last late answer, contains the real
  // one.
  const auto good_before =
      std::find_if_not(std::make_reverse_iterator(first), samples.rend(), is_slow);
  ASSERT_NE(good_before, samples.rend());
  EXPECT_LE(good_before->scheduled_ns, frozen);
  const auto good_after = std::find_if_not(end, samples.end(), is_slow);
  std::int64_t last_answer = 0;
  for (auto late = first; late != good_after; ++late)
    last_answer = std::max(last_answer, late->finished_ns);
  EXPECT_GE(last_answer, thawed);
}

TEST_F(HttpsSchedule, EndsAlsoWhenItsOtherTimersAreDueAtThatMoment) {
  // The last request is due, and fails at once, five microseconds before the first second is over,
  // when lateness is told: both timers have expired by the time that either is looked at.
  const auto samples = run_without_network(config(9, 2, 1.000005));
  if (!samples) GTEST_SKIP() << "needs root: cannot make a network namespace";
  expect_all(*samples, Outcome::unreachable);
}

TEST_F(HttpsSchedule, StopsOnlyAfterWhatIsInFlight) {
  Gate gate;
  TlsServer server(good_identity(), [&](ServerConnection& connection) {
    gate.pass();
    echo_token(connection);
  });
  HttpsRun probe(config(server.port(), 0, 100));
  {
    const Gate::Shut shut(gate);
    while (server.most_open() < 5) std::this_thread::sleep_for(5ms);
    probe.stop();
    std::this_thread::sleep_for(50ms);
  }
  const auto samples = probe.samples();
  EXPECT_GE(samples.size(), 5U);
  expect_all(samples, Outcome::ok);
}

}  // namespace
}  // namespace nospof::test
