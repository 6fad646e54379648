// How far the length of an outage, as probed and judged, is from the truth: a TLS server is killed
// and started again, or stopped and continued, at known times.
//
// bench_outage_probe [ROUNDS]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/tls_server.hpp"
#include "probes/http.hpp"
#include "probes/https.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"
#include "verdict/outages.hpp"

namespace {

using namespace nospof;
using namespace std::chrono_literals;

constexpr const char* host = "www.nospof.test";

class Samples final : public kinds::SampleSink {
 public:
  void add(const kinds::Sample& sample) override { all.push_back(sample); }
  void lateness(std::int64_t /*worst_ns*/) override {}
  std::vector<kinds::Sample> all;
};

/// A server process, ready to listen when it is told to.
class Server {
 public:
  Server(int port, const std::string& identity_file) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    SpawnOptions options;
    options.argv = {"/proc/self/exe", "serve", std::to_string(port), identity_file};
    options.stdin_fd = in.read_end.get();
    options.stdout_fd = out.write_end.get();
    options.parent_death_signal = SIGKILL;
    child_ = spawn(options);
    to_ = std::move(in.write_end);
    from_ = std::move(out.read_end);
    // It loads its libraries and certificates meanwhile.
    std::this_thread::sleep_for(200ms);
  }
  /// When it listened.
  std::int64_t listen() {
    write_all(to_.get(), "x", "the server");
    std::string line;
    for (char c = 0; ::read(from_.get(), &c, 1) == 1 && c != '\n';) line += c;
    if (line.empty()) throw Error("the server has ended");
    return std::stoll(line);
  }
  void signal(int number) { child_.signal(number); }

 private:
  Child child_;
  UniqueFd to_;
  UniqueFd from_;
};

enum class What { kill, freeze };

struct Case {
  What what = What::kill;
  std::chrono::milliseconds period{};
  std::string identity;  ///< empty: no TLS
  std::chrono::nanoseconds first_answer{};
};

struct Result {
  double truth_ms = 0;
  double lower_ms = 0;
  double upper_ms = 0;
  double error_ms = 0;    ///< of the middle of the two
  double outside_ms = 0;  ///< how far the truth is outside of them
};

int free_port() {
  const UniqueFd fd(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  check("bind", ::bind(fd.get(), any, length));
  check("getsockname", ::getsockname(fd.get(), any, &length));
  return ntohs(address.sin_port);
}

std::int64_t mono_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// As nospof prober does, where it may: what else runs on the machine is not to be measured. The
/// probe is on the first processor, servers are on the last.
void go_first(int processor) {
  sched_param priority{};
  priority.sched_priority = 1;
  ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority);
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<unsigned>(processor), &only);
  ::sched_setaffinity(0, sizeof only, &only);
}

/// A request that is held up for less is served, so that much of a freeze is not seen; one that a
/// healthy server takes longer for makes the outage longer: so half more than what a new server's
/// first answer takes, handshake and all, but no more than what leaves a freeze's error (half of
/// this) below what is wanted.
std::chrono::nanoseconds slow_for(std::chrono::milliseconds period,
                                  std::chrono::nanoseconds first_answer) {
  const std::chrono::nanoseconds answer =
      std::min<std::chrono::nanoseconds>(first_answer * 3 / 2, period + 2ms);
  return std::max(std::clamp<std::chrono::nanoseconds>(period / 5, 1ms, 10ms), answer);
}

/// The probe, in a thread of its own until it is told to stop.
class Probing {
 public:
  Probing(int port, const std::string& identity, std::chrono::milliseconds period,
          std::chrono::nanoseconds slow) {
    // One connection: a server that stood still would have a handshake to make for every request
    // that was due meanwhile, and be as good as down for as long as that takes.
    const bool tls = !identity.empty();
    boost::json::object config{{"url", fmt::format("{}://{}/", tls ? "https" : "http", host)},
                               {"address", "127.0.0.1"},
                               {"port", port},
                               {"connection", "keep-alive"},
                               {"max_connections", 1},
                               {"rate_per_second", 1000.0 / static_cast<double>(period.count())},
                               {"slow_ns", slow.count()},
                               {"timeout_ns", 3'000'000'000}};
    if (tls) config["authority_file"] = identity;
    probe_ = (tls ? probes::make_https() : probes::make_http())->make(config);
    thread_ = std::jthread([this] {
      go_first(0);
      probe_->run(stop_.get(), samples_);
    });
  }
  /// In the order that they were due.
  std::vector<kinds::Sample> finish() {
    check("write", ::eventfd_write(stop_.get(), 1));
    thread_.join();
    std::sort(samples_.all.begin(), samples_.all.end(), verdict::earlier);
    return std::move(samples_.all);
  }

 private:
  std::unique_ptr<kinds::Probe> probe_;
  UniqueFd stop_{check("eventfd", ::eventfd(0, EFD_CLOEXEC))};
  Samples samples_;
  std::jthread thread_;
};

/// The median of several.
std::chrono::nanoseconds measure_first_answer(const std::string& identity) {
  std::vector<Nanoseconds> took;
  for (int i = 0; i < 11; ++i) {
    const int port = free_port();
    Server server(port, identity);
    server.listen();
    Probing probing(port, identity, 100ms, 1s);
    std::this_thread::sleep_for(150ms);
    const kinds::Sample first = probing.finish().at(0);
    if (first.outcome != kinds::Outcome::ok) throw Error("a new server does not answer");
    took.emplace_back(first.finished_ns - first.scheduled_ns);
  }
  std::ranges::sort(took);
  return took[took.size() / 2];
}

Result compare(const std::vector<kinds::Sample>& samples, std::int64_t from, std::int64_t until,
               std::chrono::milliseconds period) {
  const Nanoseconds settle = 3 * period;
  const auto outages = verdict::find_outages(samples, settle, verdict::late_limit(period));
  // Among those of the machine itself the one that lies about the middle of the real one.
  const std::int64_t middle = from + (until - from) / 2;
  const auto found = std::find_if(outages.begin(), outages.end(), [&](const auto& outage) {
    return outage.first_bad_ns <= middle &&
           outage.last_bad_ns >= middle - 2 * Nanoseconds(period).count();
  });
  if (found == outages.end()) throw Error("the outage was not found");
  const verdict::Interval length = found->length();
  const auto ms = [](auto ns) { return static_cast<double>(ns) / 1e6; };
  Result result;
  result.truth_ms = ms(until - from);
  result.lower_ms = ms(length.lower.count());
  // Without an end it is as wrong as can be.
  result.upper_ms =
      length.upper ? ms(length.upper->count()) : std::numeric_limits<double>::infinity();
  result.error_ms = std::abs((result.lower_ms + result.upper_ms) / 2 - result.truth_ms);
  result.outside_ms =
      std::max({0.0, result.lower_ms - result.truth_ms, result.truth_ms - result.upper_ms});
  return result;
}

Result once(const Case& which, std::mt19937_64& random) {
  const int port = free_port();
  Server server(port, which.identity);
  Server successor(port, which.identity);
  server.listen();
  Probing probing(port, which.identity, which.period, slow_for(which.period, which.first_answer));
  const auto somewhen = [&](int from_us, int to_us) {
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution(from_us, to_us)(random)));
  };
  somewhen(500'000, 600'000);
  std::int64_t from = mono_ns();
  server.signal(which.what == What::kill ? SIGKILL : SIGSTOP);
  // 50 to 80 requests, at most 2 s: all that a freeze held up are served when it is over, and hold
  // up the next.
  const int period_us = static_cast<int>(which.period.count()) * 1000;
  somewhen(std::min(50 * period_us, 1'500'000), std::min(80 * period_us, 2'000'000));
  std::int64_t until = mono_ns();
  if (which.what == What::kill) {
    until = successor.listen();
  } else {
    server.signal(SIGCONT);
  }
  std::this_thread::sleep_for(800ms);
  return compare(probing.finish(), from, until, which.period);
}

void measure(const Case& which, int rounds, std::mt19937_64& random) {
  std::vector<double> errors;
  double outside = 0;
  for (int i = 0; i < rounds; ++i) {
    const Result result = once(which, random);
    errors.push_back(result.error_ms);
    outside = std::max(outside, result.outside_ms);
  }
  std::sort(errors.begin(), errors.end());
  const double limit = static_cast<double>(which.period.count()) + 1;
  const auto within =
      std::count_if(errors.begin(), errors.end(), [&](double error) { return error <= limit; });
  fmt::print(
      "{:6} every {:3} ms, {:10}: error median {:7.3f} ms, largest {:7.3f} ms, at most {} ms in "
      "{} of {}; truth outside of the interval by {:.3f} ms at most\n",
      which.what == What::kill ? "kill" : "freeze", which.period.count(),
      which.identity.empty() ? "http" : "https", errors[errors.size() / 2], errors.back(), limit,
      within, errors.size(), outside);
  std::fflush(stdout);
}

void measure_all(int rounds) {
  std::string folder = std::filesystem::temp_directory_path() / "nospof-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw SystemError("mkdtemp " + folder, errno);
  const std::string identity = folder + "/identity.pem";
  bench::write_identity(identity, host);
  constexpr std::uint64_t seed = 1;
  std::mt19937_64 random(seed);
  for (const std::string& with : {std::string(), identity}) {
    const auto first_answer = measure_first_answer(with);
    fmt::print("a new server's first answer, median of 11: {:.3f} ms\n",
               static_cast<double>(first_answer.count()) / 1e6);
    for (const auto period : {1ms, 10ms, 100ms})
      for (const What what : {What::kill, What::freeze})
        measure({what, period, with, first_answer}, rounds, random);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 4 && std::string_view(argv[1]) == "serve") {
      go_first(static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)) - 1);
      bench::serve(std::atoi(argv[2]), argv[3]);
    }
    measure_all(argc > 1 ? std::atoi(argv[1]) : 5);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
