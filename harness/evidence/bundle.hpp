#pragma once
// A run's folder -> one file that somebody else can verify.

#include <cstdint>
#include <string>

#include "evidence/certificate_check.hpp"
#include "evidence/keys.hpp"

namespace nospof::evidence {

struct BundleRequest {
  std::string run_folder;
  std::string out;                  ///< the file that is made; must not exist
  const PrivateKey* key = nullptr;  ///< nullptr: not signed
  std::string certificate;          ///< file; empty: the run's own certificate.json, if any
  std::string bundled_by;           ///< "nospof 0.1.0"
  /// Of whichever certificate the bundle gets: what cannot be verified is not signed. Empty: none.
  CertificateCheck check_certificate = {};
};

struct Bundled {
  std::size_t files = 0;  ///< beside the statement
  std::uint64_t bytes = 0;
  std::string verdict;
  int exit_code = 3;
};

/// Takes every file of the run but the rendered reports, draws result.json anew, and states what
/// follows. A run that was killed can be bundled too: it proves nothing, and the statement says so.
/// Throws Error when the folder is no run's, when `out` exists, or when the topology is neither in
/// the run's folder nor unchanged where it was, or when the certificate does not follow from it;
/// SystemError when a file cannot be read or written.
Bundled write_bundle(const BundleRequest& request);

}  // namespace nospof::evidence
