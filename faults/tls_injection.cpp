#include "faults/tls_injection.hpp"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/x509_vfy.h>

#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "tls";
// While a service is being reloaded, old and new processes answer side by side for a moment.
constexpr int looks_needed = 8;
constexpr std::size_t largest_pem = 64U << 10U;

struct NamedMode {
  TlsMode mode;
  const char* name;
};
constexpr std::array modes{NamedMode{TlsMode::expired, "expired"},
                           NamedMode{TlsMode::not_yet_valid, "not-yet-valid"},
                           NamedMode{TlsMode::wrong_name, "wrong-name"},
                           NamedMode{TlsMode::unknown_ca, "unknown-ca"},
                           NamedMode{TlsMode::replaced_key, "replaced-key"},
                           NamedMode{TlsMode::missing_intermediate, "missing-intermediate"},
                           NamedMode{TlsMode::weak_protocol, "weak-protocol"}};

bool is_unknown_issuer(long verified) {
  return verified == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         verified == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
         verified == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         verified == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         verified == X509_V_ERR_CERT_SIGNATURE_FAILURE;
}

// Whether what is shown is bad in the way that was asked for.
bool bites(TlsMode mode, const TlsShown& shown, const TlsShown& before) {
  const bool other = shown.certificate && shown.fingerprint != before.fingerprint;
  switch (mode) {
    case TlsMode::expired:
      return other && shown.verified == X509_V_ERR_CERT_HAS_EXPIRED;
    case TlsMode::not_yet_valid:
      return other && shown.verified == X509_V_ERR_CERT_NOT_YET_VALID;
    case TlsMode::wrong_name:
      return other && shown.verified == X509_V_ERR_HOSTNAME_MISMATCH;
    case TlsMode::unknown_ca:
      return other && is_unknown_issuer(shown.verified);
    case TlsMode::replaced_key:
      return other && shown.key != before.key && shown.verified == X509_V_OK;
    case TlsMode::missing_intermediate:
      return shown.certificate && shown.chain == 1 && is_unknown_issuer(shown.verified);
    case TlsMode::weak_protocol:
      return shown.failure.empty() && shown.protocol.starts_with("TLSv1") &&
             shown.protocol != "TLSv1.2" && shown.protocol != "TLSv1.3";
  }
  return false;
}

class TlsInjection final : public kinds::Injection {
 public:
  TlsInjection(TlsSettings settings, ServiceFiles files, TlsShown before)
      : settings_(std::move(settings)),
        files_(std::move(files)),
        before_(std::move(before)),
        looks_(look_at(settings_)),
        healed_looks_(settings_.at) {}

  static TlsLookAt look_at(const TlsSettings& settings) {
    TlsLookAt at = settings.at;
    if (settings.mode == TlsMode::weak_protocol) at.offer = TlsOffer::up_to_1_1;
    return at;
  }

  std::vector<kinds::UndoRecord> undo() const override { return {files_.undo(settings_.reload)}; }

  void inject() override { files_.put(settings_.reload); }

  void release() override {
    looks_.drop();
    healed_looks_.drop();
  }

  kinds::Confirmation confirm() override {
    if (!files_.advance()) return {not_yet, "the service is being restarted"};
    if (const std::string other = files_.not_as_made(); !other.empty()) return {unable, other};
    if (const auto shown = looks_.advance()) {
      const int agreed = looks_.agreed(bites(settings_.mode, *shown, before_));
      seen_ = fmt::format("{}:{} shows {}", settings_.at.address, settings_.at.port,
                          settings_.mode == TlsMode::weak_protocol && !shown->protocol.empty()
                              ? "a handshake with " + shown->protocol
                              : describe(*shown));
      if (agreed >= looks_needed)
        return {confirmed, fmt::format("{}, in {} looks in a row", seen_, agreed)};
    }
    return {not_yet, fmt::format("{}; {}", files_.reload_result().detail, seen_)};
  }

  kinds::Confirmation confirm_healed() override {
    if (const std::string other = files_.not_as_before(); !other.empty()) return {not_yet, other};
    if (settings_.mode == TlsMode::weak_protocol) return confirm_strong();
    if (const auto shown = healed_looks_.advance()) {
      const bool same = shown->certificate && shown->fingerprint == before_.fingerprint &&
                        shown->chain == before_.chain && shown->verified == before_.verified;
      const int agreed = healed_looks_.agreed(same);
      seen_ = describe(*shown);
      if (agreed >= looks_needed)
        return {confirmed, fmt::format("files as before; {}:{} shows {}", settings_.at.address,
                                       settings_.at.port, seen_)};
    }
    return {not_yet, "files as before; shown is " + seen_};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  // The service answers strong clients and refuses weak ones.
  kinds::Confirmation confirm_strong() {
    if (const auto shown = looks_.advance()) weak_refused_ = shown->protocol.empty();
    if (const auto shown = healed_looks_.advance()) {
      const bool answers = shown->certificate && shown->verified == before_.verified;
      if (healed_looks_.agreed(answers && weak_refused_) >= looks_needed)
        return {confirmed, "files as before; TLS 1.0 and 1.1 are refused, " + describe(*shown)};
    }
    return {not_yet, weak_refused_ ? "files as before; waiting for an answer"
                                   : "files as before; TLS 1.0 or 1.1 is still taken"};
  }

  TlsSettings settings_;
  ServiceFiles files_;
  TlsShown before_;
  TlsLooks looks_;
  TlsLooks healed_looks_;
  std::string seen_ = "nothing yet";
  bool weak_refused_ = false;
};

std::string pem_file(const std::string& path, const std::string& host) {
  const auto image = read_image(path, largest_pem);
  if (!image) throw Error(fmt::format("{}: no file {} on host '{}'", kind_name, path, host));
  return image->content;
}

// The service's own certificate and key are replaced by bad ones, the bundle by both.
void plan_certificate(const TlsSettings& settings, const std::string& host, ServiceFiles& files) {
  const bool only_cut = settings.mode == TlsMode::missing_intermediate;
  const std::string chain = files.add(settings.certificate);
  const std::string key = files.add(settings.key);
  std::string bad_chain = settings.bad_chain;
  std::string bad_key = only_cut ? key : settings.bad_key;
  if (!settings.bad_chain_file.empty()) {
    bad_chain = pem_file(settings.bad_chain_file, host);
    bad_key = pem_file(settings.bad_key_file, host);
  } else if (only_cut) {
    if (certificate_of_pem(chain, settings.certificate).chain < 2)
      throw Error(fmt::format(
          "{}: {} of {} on host '{}' has no intermediate certificate that could be missing (in a "
          "topology: authorities.NAME.intermediate)",
          kind_name, settings.certificate, settings.service, host));
    bad_chain = first_certificate(chain, settings.certificate);
  }
  certificate_of_pem(bad_chain, "the bad certificate");
  files.change(settings.certificate, bad_chain);
  if (!only_cut) files.change(settings.key, bad_key);
  if (settings.bundle.empty()) return;
  files.add(settings.bundle);
  files.change(settings.bundle, bad_key + bad_chain);
}

// What the service shows now must be right, or nothing could be told from what it shows then.
TlsShown baseline(const TlsSettings& settings, const std::string& host) {
  const TlsShown before = look_at_tls(settings.at);
  const std::string where = fmt::format("{} on host '{}' ({}:{})", settings.service, host,
                                        settings.at.address, settings.at.port);
  if (!before.certificate)
    throw Error(fmt::format("{}: {} shows no certificate: {}", kind_name, where, before.failure));
  if (before.verified != X509_V_OK)
    throw Error(fmt::format("{}: {} is not in order before the fault: {}", kind_name, where,
                            describe(before)));
  return before;
}

void check_strong(const TlsSettings& settings, const std::string& host) {
  const TlsShown weak = look_at_tls(TlsInjection::look_at(settings));
  if (!weak.protocol.empty())
    throw Error(fmt::format("{}: {} on host '{}' takes {} already", kind_name, settings.service,
                            host, weak.protocol));
}

}  // namespace

const char* tls_mode_name(TlsMode mode) {
  for (const NamedMode& each : modes)
    if (each.mode == mode) return each.name;
  return "";
}

std::vector<std::string> tls_mode_names() {
  std::vector<std::string> names;
  for (const NamedMode& each : modes) names.emplace_back(each.name);
  return names;
}

TlsMode tls_mode(const std::string& name) {
  for (const NamedMode& each : modes)
    if (name == each.name) return each.mode;
  throw Error(fmt::format("{}: parameter 'mode' must be one of: {}", kind_name,
                          fmt::join(tls_mode_names(), ", ")));
}

std::unique_ptr<kinds::Injection> Tls::prepare(kinds::HostEnv& env) const {
  require_running(kind_name, settings_.service, env);
  ServiceFiles files(kind_name, settings_.service, env, clock_of(env));
  if (settings_.mode == TlsMode::weak_protocol) {
    const std::string text = files.add(settings_.config_file);
    files.change(settings_.config_file,
                 replace_all(kind_name, settings_.config_file, text, settings_.replacements));
    check_strong(settings_, env.host);
  } else {
    plan_certificate(settings_, env.host, files);
  }
  TlsShown before = baseline(settings_, env.host);
  if (settings_.mode != TlsMode::weak_protocol) {
    const auto shown =
        certificate_of_pem(pem_file(settings_.certificate, env.host), settings_.certificate);
    if (shown.fingerprint != before.fingerprint)
      throw Error(fmt::format("{}: {}:{} on host '{}' does not show the certificate of {}",
                              kind_name, settings_.at.address, settings_.at.port, env.host,
                              settings_.certificate));
  }
  return std::make_unique<TlsInjection>(settings_, std::move(files), std::move(before));
}

}  // namespace nospof::faults
