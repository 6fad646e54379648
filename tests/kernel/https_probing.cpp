#include "tests/kernel/https_probing.hpp"

#include <thread>

#include <fmt/format.h>
#include <sched.h>

#include "probes/https.hpp"

namespace nospof::test {

namespace json = boost::json;
using kinds::Sample;

HttpsRun::HttpsRun(const json::object& config) : ProbeRun(probes::make_https()->make(config)) {}

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
  return run_to_end(*probes::make_https(), config);
}

std::optional<std::vector<Sample>> HttpsProbing::run_without_network(const json::object& config) {
  std::optional<std::vector<Sample>> samples;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0) samples = run(config);
  }).join();
  return samples;
}

}  // namespace nospof::test
