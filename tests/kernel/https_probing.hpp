#pragma once
// What the tests of the https probe share: a server with a good certificate, and a way to run the
// probe.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include "kinds/probe.hpp"
#include "system/fd.hpp"
#include "tests/kernel/https_server.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {

class CollectingSink final : public kinds::SampleSink {
 public:
  void add(const kinds::Sample& sample) override {
    samples.push_back(sample);
    if (sample.outcome == kinds::Outcome::ok) ++ok;
  }
  void lateness(std::int64_t worst_ns) override { latenesses.push_back(worst_ns); }
  std::vector<kinds::Sample> samples;
  std::vector<std::int64_t> latenesses;
  std::atomic<int> ok = 0;  ///< so many so far; the rest only once the run is over
};

/// A run of the probe on a thread of its own.
class ProbeRun {
 public:
  /// Throws Error when the probe cannot be made.
  explicit ProbeRun(const boost::json::object& config);
  ~ProbeRun();
  ProbeRun(const ProbeRun&) = delete;
  ProbeRun& operator=(const ProbeRun&) = delete;

  void stop();
  /// Waits until so many more requests were ok.
  void wait_for_ok(int more) const;
  /// Waits for its end; the samples in the order of their schedule.
  std::vector<kinds::Sample> samples();
  const std::vector<std::int64_t>& latenesses() const { return sink_.latenesses; }

 private:
  std::unique_ptr<kinds::Probe> probe_;
  UniqueFd stop_;
  CollectingSink sink_;
  std::thread thread_;
};

class HttpsProbing : public testing::Test {
 protected:
  static constexpr const char* host = "www.nospof.test";

  HttpsProbing();
  /// A certificate for `host`, in force, from the authority that the probe trusts.
  Identity good_identity() const { return authority_.issue(std::string("DNS:") + host); }
  /// A probe of 127.0.0.1:`port` as `host` that wants its token back; `count` requests.
  boost::json::object config(int port, int count, double rate = 50) const;
  /// Runs a probe to its own end; expects that every request became one sample.
  static std::vector<kinds::Sample> run(const boost::json::object& config);
  /// The same in a network namespace where not even the loopback device is up, so that every
  /// connect() fails at once. Nothing: no namespace can be made, for want of root.
  static std::optional<std::vector<kinds::Sample>> run_without_network(
      const boost::json::object& config);
  /// Expects that there are samples and that all are of this outcome (and detail, unless -1).
  static void expect_all(const std::vector<kinds::Sample>& samples, kinds::Outcome outcome,
                         int detail = -1);

  Authority authority_;
  TemporaryFolder folder_;
  std::string authority_file_ = folder_ / "authority.pem";
};

}  // namespace nospof::test
