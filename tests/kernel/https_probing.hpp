#pragma once
// What the tests of the https probe share: a server with a good certificate, and a way to run the
// probe.

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include "tests/kernel/https_server.hpp"
#include "tests/kernel/probe_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {

/// A run of an https probe. Throws Error when it cannot be made.
class HttpsRun : public ProbeRun {
 public:
  explicit HttpsRun(const boost::json::object& config);
};

class HttpsProbing : public testing::Test {
 protected:
  static constexpr const char* host = "www.nospof.test";

  HttpsProbing();
  /// A certificate for `host`, in force, from the authority that the probe trusts.
  Identity good_identity() const { return authority_.issue(std::string("DNS:") + host); }
  /// A probe of 127.0.0.1:`port` as `host` that wants its token back; `count` requests.
  boost::json::object config(int port, int count, double rate = 50) const;
  /// Runs an https probe to its own end; expects that every request became one sample.
  static std::vector<kinds::Sample> run(const boost::json::object& config);
  /// The same in a network namespace where not even the loopback device is up, so that every
  /// connect() fails at once. Nothing: no namespace can be made, for want of root.
  static std::optional<std::vector<kinds::Sample>> run_without_network(
      const boost::json::object& config);

  Authority authority_;
  TemporaryFolder folder_;
  std::string authority_file_ = folder_ / "authority.pem";
};

}  // namespace nospof::test
