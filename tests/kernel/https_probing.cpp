#include "tests/kernel/https_probing.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "probes/https.hpp"
#include "system/check.hpp"

namespace nospof::test {

namespace json = boost::json;
using kinds::Sample;

ProbeRun::ProbeRun(const json::object& config)
    : probe_(probes::make_https()->make(config)),
      stop_(check("eventfd", ::eventfd(0, EFD_CLOEXEC))),
      thread_([this] { probe_->run(stop_.get(), sink_); }) {}

ProbeRun::~ProbeRun() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void ProbeRun::stop() {
  const std::uint64_t one = 1;
  write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "stop event");
}

void ProbeRun::wait_for_ok(int more) const {
  const int enough = sink_.ok + more;
  while (sink_.ok < enough) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

std::vector<Sample> ProbeRun::samples() {
  if (thread_.joinable()) thread_.join();
  std::vector<Sample> samples = sink_.samples;
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.sequence < b.sequence; });
  return samples;
}

HttpsProbing::HttpsProbing() {
  write_file(authority_file_, authority_.pem());
}

json::object HttpsProbing::config(int port, int count, double rate) const {
  return {{"url", fmt::format("https://{}:{}/canary?id={{id}}&v={{token}}", host, port)},
          {"address", "127.0.0.1"},
          {"authority_file", authority_file_},
          {"rate_per_second", rate},
          {"timeout_ns", 20'000'000'000},
          {"slow_ns", 20'000'000'000},
          {"expect_body", "token {token}"},
          {"count", count}};
}

std::vector<Sample> HttpsProbing::run(const json::object& config) {
  std::vector<Sample> samples = ProbeRun(config).samples();
  EXPECT_EQ(samples.size(), config.at("count").to_number<std::size_t>());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].sequence, i);
    EXPECT_GE(samples[i].started_ns, samples[i].scheduled_ns);
    EXPECT_GE(samples[i].finished_ns, samples[i].started_ns);
  }
  return samples;
}

std::optional<std::vector<Sample>> HttpsProbing::run_without_network(const json::object& config) {
  std::optional<std::vector<Sample>> samples;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0) samples = run(config);
  }).join();
  return samples;
}

void HttpsProbing::expect_all(const std::vector<Sample>& samples, kinds::Outcome outcome,
                              int detail) {
  EXPECT_FALSE(samples.empty());
  for (const Sample& sample : samples) {
    EXPECT_EQ(kinds::outcome_name(sample.outcome), kinds::outcome_name(outcome))
        << "request " << sample.sequence << ", detail " << sample.detail;
    if (detail >= 0) {
      EXPECT_EQ(sample.detail, detail) << "request " << sample.sequence;
    }
  }
}

}  // namespace nospof::test
