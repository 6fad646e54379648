#pragma once
// A run that nospof recorded, bundled, taken apart and put together again. Its folder is
// tests/unit/evidence/run without reports; when proofs get other faults it is to be recorded anew,
// with the topology of tests/e2e/mini:
//   nospof prove mini/topology.yaml --only 'web1/*/process-kill' --only 'web1/host-crash'

#include <map>
#include <string>

#include <boost/json/object.hpp>

#include "evidence/keys.hpp"
#include "evidence/verify.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {

inline constexpr const char* version = "nospof test";

/// The key of the first vector in RFC 8032.
evidence::PrivateKey signer();

/// A folder with a copy of the recorded run, and whatever a test makes of it.
class Recorded {
 public:
  Recorded();
  std::string run() const { return folder_ / "run"; }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  /// Changes a file of the run.
  void replace_in(const std::string& file, const std::string& what, const std::string& with);
  /// Bundles it with signer() and gives the bundle's bytes.
  std::string bundle(const std::string& certificate = {});
  /// A bundle with these bytes, against signer()'s key unless another is given.
  evidence::Verification verify(const std::string& bytes,
                                const evidence::Checks& checks = {version, {}, {}});

 private:
  TemporaryFolder folder_;
  int bundles_ = 0;
};

/// What is in a bundle.
struct Parts {
  std::map<std::string, std::string> files;  ///< without the envelope
  boost::json::object statement;

  boost::json::object& about();   ///< predicate.nospof
  boost::json::object& result();  ///< predicate.nospof.result
  /// The statement's subjects become those of the files as they are.
  void restate_files();
};
Parts parts_of(const std::string& bundle);
/// Signed by `key`, whatever it says.
std::string bundle_of(const Parts& parts, const evidence::PrivateKey& key);

}  // namespace nospof::test
