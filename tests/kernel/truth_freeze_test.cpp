// Coordinated omission: a server process that SIGSTOP holds for 1 s of 5 s. A probe that waited for
// its answers would hardly see it; what is recorded must have the percentiles of the truth.

#include <algorithm>
#include <cmath>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probes/http.hpp"
#include "probes/https.hpp"
#include "system/check.hpp"
#include "tests/kernel/https_probing.hpp"
#include "tests/kernel/plain_server.hpp"
#include "tests/kernel/truth.hpp"
#include "verdict/percentiles.hpp"

namespace nospof::test {
namespace {

using kinds::Sample;
using namespace std::chrono_literals;

constexpr std::int64_t second_ns = 1'000'000'000;

/// One connection after the other, as they were made: who has waited longest is answered first.
void serve_in_turn(int listener, SSL_CTX* context) {
  go_first();
  for (;;) {
    const UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    if (context == nullptr) {
      if (const auto head = read_head(fd.get()))
        send_all(fd.get(), http_answer(200, "token " + token_of(*head), "Connection: close\r\n"));
      continue;
    }
    ServerConnection connection(context, ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3), 1);
    if (!connection.handshake()) continue;
    if (const auto head = connection.read_request())
      connection.write(http_answer(200, "token " + token_of(*head), "Connection: close\r\n"));
    connection.say_goodbye();
  }
}

struct Freeze {
  std::int64_t stopped_ns;    ///< it stood still by then
  std::int64_t continued_ns;  ///< and did so until then
};

Freeze freeze_for_a_second(const ServerProcess& server) {
  go_first();
  server.freeze();
  Freeze freeze{mono_ns(), 0};
  std::this_thread::sleep_for(1s);
  freeze.continued_ns = mono_ns();
  server.thaw();
  return freeze;
}

/// Every request that was due while it stood waited for its end; every other one took no time.
std::vector<Sample> the_truth(const std::vector<Sample>& samples, const Freeze& freeze) {
  std::vector<Sample> truth = samples;
  for (Sample& sample : truth) {
    const bool held =
        sample.scheduled_ns >= freeze.stopped_ns && sample.scheduled_ns < freeze.continued_ns;
    sample.finished_ns = held ? freeze.continued_ns : sample.scheduled_ns;
  }
  return truth;
}

/// `rate` requests a second for 5 s, stopped after about 2 s.
void expect_percentiles_of_the_truth(const kinds::ProbeKind& kind, boost::json::object config,
                                     const ServerProcess& server, int rate) {
  config["rate_per_second"] = rate;
  config["count"] = 5 * rate;
  config["timeout_ns"] = 20 * second_ns;
  config["slow_ns"] = 20 * second_ns;
  StandstillWatch watch;
  ProbeRun probe(std::make_unique<GoingFirst>(kind.make(config)));
  probe.wait_for_ok(2 * rate);
  Freeze freeze{};
  std::thread([&] { freeze = freeze_for_a_second(server); }).join();
  const std::vector<Sample> samples = probe.samples();
  ASSERT_EQ(samples.size(), static_cast<std::size_t>(5 * rate));
  expect_all(samples, kinds::Outcome::ok);
  expect_exact_schedule(samples, rate);

  const verdict::Latencies truth = verdict::latencies(the_truth(samples, freeze));
  const verdict::Latencies measured = verdict::latencies(samples);
  ASSERT_TRUE(truth.p99 && measured.p99);
  // The truth of the test itself: 1 s of 5 s is a fifth of all, so p99 is 0.95 s.
  EXPECT_NEAR(static_cast<double>(truth.p99->count()), 0.95e9,
              0.02e9 + static_cast<double>(freeze.continued_ns - freeze.stopped_ns - second_ns));
  // How long the machine did nothing for this test when it was to go on is not the probe's error.
  const std::int64_t stood =
      watch.total_ns(freeze.continued_ns - second_ns / 10, freeze.continued_ns + second_ns / 2);
  const auto expect_close = [&](const char* figure, Nanoseconds is, Nanoseconds should_be) {
    const double most = 0.02 * static_cast<double>(should_be.count());
    const auto off = static_cast<double>((is - should_be).count());
    testing::Test::RecordProperty(
        figure, fmt::format("{:.2f} %", 100 * off / static_cast<double>(should_be.count())));
    EXPECT_GE(off, -most) << figure << " is too small";
    EXPECT_LE(off, most + static_cast<double>(stood))
        << figure << ": " << is.count() << " instead of " << should_be.count();
  };
  expect_close("p99", *measured.p99, *truth.p99);
  expect_close("max", *measured.max, *truth.max);
}

TEST(TruthOfAFreeze, HttpAtAThousandASecond) {
  const Listener listener = listen_on_loopback(4096);
  const ServerProcess server([&] { serve_in_turn(listener.fd.get(), nullptr); });
  expect_percentiles_of_the_truth(
      *probes::make_http(),
      {{"url", fmt::format("http://127.0.0.1:{}/page?v={{token}}", listener.port)},
       {"expect_body", "token {token}"}},
      server, 1000);
}

using TruthOfATlsFreeze = HttpsProbing;

TEST_F(TruthOfATlsFreeze, HttpsAtTwoHundredASecond) {
  const Listener listener = listen_on_loopback(4096);
  const Identity identity = good_identity();
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                             SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), identity.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
  const ServerProcess server([&] { serve_in_turn(listener.fd.get(), context.get()); });
  auto wanted = config(listener.port, 1);
  expect_percentiles_of_the_truth(*probes::make_https(), wanted, server, 200);
}

}  // namespace
}  // namespace nospof::test
