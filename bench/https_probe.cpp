// Runs the https probe once and prints what it cost; https_probe.py compares that with other
// clients.
//
// bench_https_probe CONFIGURATION    the probe's, as JSON (probes/https.hpp); with a count

#include <algorithm>
#include <cstddef>
#include <cstdio>
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
  void add(const kinds::Sample& sample) override {
    if (sample.outcome == kinds::Outcome::ok) ++ok;
    latencies.push_back(sample.finished_ns - sample.scheduled_ns);
    latenesses.push_back(sample.started_ns - sample.scheduled_ns);
  }
  void lateness(std::int64_t worst_ns) override { worst = std::max(worst, worst_ns); }

  std::size_t ok = 0;
  std::int64_t worst = 0;
  std::vector<std::int64_t> latencies;
  std::vector<std::int64_t> latenesses;
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

void run(std::string_view configuration) {
  const auto probe = probes::make_https()->make(boost::json::parse(configuration).as_object());
  const UniqueFd never(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
  Figures figures;
  const double before = cpu_seconds();
  probe->run(never.get(), figures);
  const double used = cpu_seconds() - before;
  if (figures.latencies.empty()) throw Error("no request was made");
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
  if (argc != 2) {
    fmt::print(stderr, "usage: {} CONFIGURATION\n", argv[0]);
    return 2;
  }
  try {
    run(argv[1]);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
