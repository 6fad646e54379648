// Coordinated omission: a server process that SIGSTOP holds for 1 s of 5 s. A probe that waited for
// its answers would hardly see it; what is recorded must have the percentiles of the truth.

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
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

/// When a server in another process sent each of its answers.
class AnswerTimes {
 public:
  AnswerTimes()
      : memory_(::mmap(nullptr, sizeof(Book), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)),
        book_(memory_ == MAP_FAILED ? throw SystemError("mmap", errno) : new (memory_) Book) {}
  ~AnswerTimes() { ::munmap(memory_, sizeof(Book)); }
  AnswerTimes(const AnswerTimes&) = delete;
  AnswerTimes& operator=(const AnswerTimes&) = delete;

  void note() const { book_->at_ns.at(book_->count++) = mono_ns(); }
  /// In their order.
  std::vector<std::int64_t> all() const {
    return {book_->at_ns.begin(), book_->at_ns.begin() + static_cast<std::ptrdiff_t>(book_->count)};
  }

 private:
  struct Book {
    std::atomic<std::size_t> count = 0;
    std::array<std::int64_t, 8192> at_ns = {};
  };
  void* memory_;
  Book* book_;
};

/// One connection after the other, as they were made: who has waited longest is answered first.
void serve_in_turn(int listener, SSL_CTX* context, const AnswerTimes& times) {
  go_first();
  for (;;) {
    const UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    if (context == nullptr) {
      if (const auto head = read_head(fd.get())) {
        times.note();
        send_all(fd.get(), http_answer(200, "token " + token_of(*head), "Connection: close\r\n"));
      }
      continue;
    }
    ServerConnection connection(context, ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3), 1);
    if (!connection.handshake()) continue;
    if (const auto head = connection.read_request()) {
      times.note();
      connection.write(http_answer(200, "token " + token_of(*head), "Connection: close\r\n"));
    }
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

/// What the server itself recorded. It answers in the order in which requests come.
std::vector<Sample> as_answered(const std::vector<Sample>& samples,
                                const std::vector<std::int64_t>& times) {
  std::vector<Sample> truth = samples;
  for (std::size_t i = 0; i < truth.size(); ++i) truth[i].finished_ns = times.at(i);
  return truth;
}

/// Not below what the freeze alone makes of it, and not above what the server made of it: each by
/// 2 %, and by how long the machine did nothing for this test when it was to go on.
void expect_close(const char* figure, Nanoseconds measured, Nanoseconds frozen,
                  Nanoseconds answered, std::int64_t stood_ns) {
  const auto in_percent = [&](Nanoseconds of) {
    return 100 * static_cast<double>((measured - of).count()) / static_cast<double>(of.count());
  };
  const std::string told = fmt::format("{:+.2f} % off the freeze, {:+.2f} % off the answers",
                                       in_percent(frozen), in_percent(answered));
  testing::Test::RecordProperty(figure, told);
  fmt::print("   {}: {:.3f} ms, {}\n", figure, static_cast<double>(measured.count()) / 1e6, told);
  EXPECT_GE(in_percent(frozen), -2) << figure << " is too small";
  EXPECT_LE(in_percent(answered),
            2 + 100 * static_cast<double>(stood_ns) / static_cast<double>(answered.count()))
      << figure << " is too large";
  if (in_percent(frozen) > 2)
    fmt::print("   the machine was busy: the server itself answered late\n");
}

/// `rate` requests a second for 5 s, stopped after about 2 s.
void expect_percentiles_of_the_truth(const kinds::ProbeKind& kind, boost::json::object config,
                                     const ServerProcess& server, const AnswerTimes& times,
                                     int rate) {
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

  ASSERT_EQ(times.all().size(), samples.size());
  const verdict::Latencies frozen = verdict::latencies(the_truth(samples, freeze));
  const verdict::Latencies answered = verdict::latencies(as_answered(samples, times.all()));
  const verdict::Latencies measured = verdict::latencies(samples);
  ASSERT_TRUE(frozen.p99 && answered.p99 && measured.p99);
  // The truth of the test itself: 1 s of 5 s is a fifth of all, so p99 is 0.95 s.
  EXPECT_NEAR(static_cast<double>(frozen.p99->count()), 0.95e9,
              0.02e9 + static_cast<double>(freeze.continued_ns - freeze.stopped_ns - second_ns));
  const std::int64_t stood =
      watch.total_ns(freeze.continued_ns - second_ns / 10, freeze.continued_ns + second_ns / 2);
  expect_close("p99", *measured.p99, *frozen.p99, *answered.p99, stood);
  expect_close("max", *measured.max, *frozen.max, *answered.max, stood);
}

TEST(TruthOfAFreeze, HttpAtAThousandASecond) {
  const Listener listener = listen_on_loopback(4096);
  const AnswerTimes times;
  const ServerProcess server([&] { serve_in_turn(listener.fd.get(), nullptr, times); });
  expect_percentiles_of_the_truth(
      *probes::make_http(),
      {{"url", fmt::format("http://127.0.0.1:{}/page?v={{token}}", listener.port)},
       {"expect_body", "token {token}"}},
      server, times, 1000);
}

using TruthOfATlsFreeze = HttpsProbing;

TEST_F(TruthOfATlsFreeze, HttpsAtTwoHundredASecond) {
  const Listener listener = listen_on_loopback(4096);
  const Identity identity = good_identity();
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                             SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), identity.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
  const AnswerTimes times;
  const ServerProcess server([&] { serve_in_turn(listener.fd.get(), context.get(), times); });
  auto wanted = config(listener.port, 1);
  expect_percentiles_of_the_truth(*probes::make_https(), wanted, server, times, 200);
}

}  // namespace
}  // namespace nospof::test
