#pragma once
// Is a bundle what its signer signed, and does what it states follow from what is in it?

#include <functional>
#include <string>
#include <vector>

#include "evidence/certificate_check.hpp"
#include "evidence/keys.hpp"
#include "spec/topology.hpp"
#include "verdict/record.hpp"

namespace nospof::evidence {

/// What others know how to check. Each gives one sentence for everything that is wrong.
struct Checks {
  /// Of this program, "nospof 0.1.0".
  std::string version;
  /// Whether the run planned every cell of its topology, or said why not.
  std::function<std::vector<std::string>(const spec::Topology&, const verdict::RunRecord&)> plan;
  /// Whether a certificate (its text) follows from the topology. Without it no bundle that has a
  /// certificate is verified.
  CertificateCheck certificate;
};

struct Verification {
  std::vector<std::string> failures;  ///< empty: verified
  std::vector<std::string> notes;     ///< what could not be looked at, and why
  std::string key_id;                 ///< of the key it was verified with
  // What it states; empty when that was not reached.
  std::string topology;
  std::string topology_sha256;
  std::string verdict;
  int exit_code = 3;
  std::string claim;
  std::vector<std::string> not_covered;
  std::size_t files = 0;

  bool good() const { return failures.empty(); }
};

/// `path`: a bundle, or a folder that it was unpacked to. Nothing of it is parsed but its envelope
/// before the signature and all hashes are found right. Throws NoBundle (archive.hpp) when it is
/// none, SystemError when it cannot be read.
Verification verify_bundle(const std::string& path, const PublicKey& key, const Checks& checks);

}  // namespace nospof::evidence
