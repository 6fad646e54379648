// Runs the https probe once and prints what it cost; https_probe.py compares that with other
// clients.
//
// bench_https_probe URL PORT AUTHORITY_FILE fresh|keep-alive RATE COUNT MAX_IN_FLIGHT

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include <boost/json/object.hpp>
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
  void add(const kinds::Sample& sample) override {
    if (sample.outcome == kinds::Outcome::ok) ++ok;
    latencies.push_back(sample.finished_ns - sample.scheduled_ns);
  }
  void lateness(std::int64_t worst_ns) override { worst = std::max(worst, worst_ns); }

  std::size_t ok = 0;
  std::int64_t worst = 0;
  std::vector<std::int64_t> latencies;
};

double cpu_seconds() {
  rusage used{};
  check("getrusage", ::getrusage(RUSAGE_SELF, &used));
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void run(char** arguments) {
  const auto probe = probes::make_https()->make({{"url", arguments[1]},
                                                 {"address", "127.0.0.1"},
                                                 {"port", std::atoi(arguments[2])},
                                                 {"authority_file", arguments[3]},
                                                 {"connection", arguments[4]},
                                                 {"rate_per_second", std::atof(arguments[5])},
                                                 {"count", std::atoll(arguments[6])},
                                                 {"max_in_flight", std::atoll(arguments[7])}});
  const UniqueFd never(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
  Figures figures;
  const double before = cpu_seconds();
  probe->run(never.get(), figures);
  const double used = cpu_seconds() - before;
  std::sort(figures.latencies.begin(), figures.latencies.end());
  const std::size_t count = figures.latencies.size();
  fmt::print(
      "{:.1f} us CPU per ok request, {} of {} ok, latency p50 {:.2f} ms p99 {:.2f} ms, "
      "worst lateness {:.2f} ms\n",
      used * 1e6 / static_cast<double>(figures.ok), figures.ok, count,
      static_cast<double>(figures.latencies[count / 2]) / 1e6,
      static_cast<double>(figures.latencies[count * 99 / 100]) / 1e6,
      static_cast<double>(figures.worst) / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    fmt::print(stderr,
               "usage: {} URL PORT AUTHORITY_FILE fresh|keep-alive RATE COUNT MAX_IN_FLIGHT\n",
               argv[0]);
    return 2;
  }
  try {
    run(argv);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
