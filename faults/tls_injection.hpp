#pragma once
// A bad certificate in force on one service.

#include <memory>
#include <string>
#include <vector>

#include "faults/service_files.hpp"
#include "kinds/fault.hpp"
#include "system/tls_look.hpp"

namespace nospof::faults {

enum class TlsMode {
  expired,
  not_yet_valid,
  wrong_name,
  unknown_ca,
  replaced_key,
  missing_intermediate,
  weak_protocol
};

/// "expired", as in an experiment.
const char* tls_mode_name(TlsMode mode);
std::vector<std::string> tls_mode_names();
/// Throws Error that names the modes.
TlsMode tls_mode(const std::string& name);

/// Everything that the fault needs on its host.
struct TlsSettings {
  TlsMode mode = TlsMode::expired;
  std::string service;
  TlsLookAt at;
  kinds::Reload reload;
  std::string certificate;  ///< paths of the service's files; the bundle may be empty
  std::string key;
  std::string bundle;
  /// The bad ones, PEM, or their paths on the host.
  std::string bad_chain, bad_key;
  std::string bad_chain_file, bad_key_file;
  std::string config_file;  ///< for weak_protocol
  std::vector<Replacement> replacements;
};

/// A checked fault for the host that the agent runs on.
class Tls final : public kinds::Fault {
 public:
  explicit Tls(TlsSettings settings) : settings_(std::move(settings)) {}
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override;

 private:
  TlsSettings settings_;
};

}  // namespace nospof::faults
