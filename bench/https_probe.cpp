// Runs the https probe once and prints what it cost; https_probe.py compares that with other
// clients.
//
// bench_https_probe CONFIGURATION [SETTLED]   the probe's, as JSON (probes/https.hpp); with a
// count.
//                      Lateness is that of requests due SETTLED seconds after the first, and later
// bench_https_probe nothing RATE SECONDS      only wakes up on schedule: how late this machine is

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "probes/https.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace {

using namespace nospof;

class Figures final : public kinds::SampleSink {
 public:
  explicit Figures(double settled_seconds)
      : settled_ns_(static_cast<std::int64_t>(settled_seconds * 1e9)) {}
  void add(const kinds::Sample& sample) override {
    if (sample.outcome == kinds::Outcome::ok) ++ok;
    latencies.push_back(sample.finished_ns - sample.scheduled_ns);
    if (first_ns_ == 0) first_ns_ = sample.scheduled_ns;
    if (sample.scheduled_ns - first_ns_ >= settled_ns_)
      latenesses.push_back(sample.started_ns - sample.scheduled_ns);
  }
  void lateness(std::int64_t worst_ns) override { worst = std::max(worst, worst_ns); }

  std::size_t ok = 0;
  std::int64_t worst = 0;
  std::vector<std::int64_t> latencies;
  std::vector<std::int64_t> latenesses;

 private:
  std::int64_t settled_ns_;
  std::int64_t first_ns_ = 0;
};

/// In microseconds; changes the order of the values. No sort: it is within the CPU that is
/// measured.
double percentile(std::vector<std::int64_t>& values, std::size_t percent) {
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * percent / 100);
  std::nth_element(values.begin(), place, values.end());
  return static_cast<double>(*place) / 1e3;
}

double cpu_seconds() {
  rusage used{};
  check("getrusage", ::getrusage(RUSAGE_SELF, &used));
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// A loop that does nothing but wake up: whatever it is late by, no probe can be earlier.
void wake_up(double rate, double seconds) {
  std::vector<std::int64_t> latenesses;
  timespec due{};
  check("clock_gettime", ::clock_gettime(CLOCK_MONOTONIC, &due));
  const auto wakes = static_cast<std::size_t>(rate * seconds);
  while (latenesses.size() < wakes) {
    due.tv_nsec += static_cast<long>(1e9 / rate);
    due.tv_sec += due.tv_nsec / 1'000'000'000;
    due.tv_nsec %= 1'000'000'000;
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) == EINTR) {
    }
    timespec now{};
    check("clock_gettime", ::clock_gettime(CLOCK_MONOTONIC, &now));
    latenesses.push_back((now.tv_sec - due.tv_sec) * 1'000'000'000 + now.tv_nsec - due.tv_nsec);
  }
  fmt::print("lateness p50 {:.1f} us p99 {:.1f} us worst {:.1f} us\n", percentile(latenesses, 50),
             percentile(latenesses, 99), percentile(latenesses, 100));
}

void run(std::string_view configuration, double settled_seconds) {
  const auto probe = probes::make_https()->make(boost::json::parse(configuration).as_object());
  const UniqueFd never(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
  Figures figures(settled_seconds);
  const double before = cpu_seconds();
  probe->run(never.get(), figures);
  const double used = cpu_seconds() - before;
  if (figures.latenesses.empty()) throw Error("no request was made in the time that counts");
  fmt::print(
      "{:.1f} us CPU per ok request, {} of {} ok, latency p50 {:.2f} ms p99 {:.2f} ms, "
      "lateness p50 {:.1f} us p99 {:.1f} us worst {:.1f} us\n",
      used * 1e6 / static_cast<double>(figures.ok), figures.ok, figures.latencies.size(),
      percentile(figures.latencies, 50) / 1e3, percentile(figures.latencies, 99) / 1e3,
      percentile(figures.latenesses, 50), percentile(figures.latenesses, 99),
      static_cast<double>(figures.worst) / 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const bool nothing = argc == 4 && std::string_view(argv[1]) == "nothing";
  if (!nothing && argc != 2 && argc != 3) {
    fmt::print(stderr, "usage: {0} CONFIGURATION [SETTLED] | {0} nothing RATE SECONDS\n", argv[0]);
    return 2;
  }
  try {
    if (nothing)
      wake_up(std::atof(argv[2]), std::atof(argv[3]));
    else
      run(argv[1], argc == 3 ? std::atof(argv[2]) : 0);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
