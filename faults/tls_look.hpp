#pragma once
// One look at what a TLS server shows: a real handshake, step by step, never waiting.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace nospof::faults {

/// Where to look, and as whom.
struct LookAt {
  std::string address;  ///< IPv4
  int port = 0;
  std::string identity;        ///< name that is asked for and verified; empty: none
  std::string authority_file;  ///< PEM; who must have signed; empty: nobody is known
  std::string starttls;        ///< "mysql", "postgresql", or empty
  bool weak = false;           ///< offers TLS 1.0 and 1.1 only
};

/// What was seen. Without a certificate, `failure` says why.
struct Shown {
  bool certificate = false;
  std::string fingerprint;  ///< SHA-256 of the certificate, hex
  std::string key;          ///< SHA-256 of its public key, hex
  std::string subject;
  std::string not_before, not_after;
  int chain = 0;              ///< certificates that were sent
  long verified = 0;          ///< X509_V_OK, or why it is not to be trusted
  std::string verified_text;  ///< "certificate has expired"
  std::string protocol;       ///< "TLSv1.3"; empty: no handshake
  std::string failure;        ///< why there was no whole handshake; empty: there was one
};

class TlsLook {
 public:
  /// Throws Error when the authority's file can't be read.
  explicit TlsLook(LookAt at);
  ~TlsLook();
  TlsLook(TlsLook&&) noexcept;
  TlsLook& operator=(TlsLook&&) noexcept;

  /// Goes on as far as it can; nothing yet: call it again. A look ends after 2 s at the latest.
  std::optional<Shown> advance();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Looks, one after the other.
class TlsLooks {
 public:
  explicit TlsLooks(LookAt at) : at_(std::move(at)) {}
  /// What a look that ended just now saw; nothing while one is under way.
  std::optional<Shown> advance();
  /// How many looks in a row agreed, this one included; 0 when it did not.
  int agreed(bool agrees) { return in_a_row_ = agrees ? in_a_row_ + 1 : 0; }
  const LookAt& at() const { return at_; }

 private:
  LookAt at_;
  std::optional<TlsLook> current_;
  int in_a_row_ = 0;
};

/// A whole look, waiting for it.
Shown look(const LookAt& at);

/// Fingerprint and key of the first certificate of a PEM text, and how many there are. Throws Error
/// naming `path` when there is none.
Shown certificate_of_pem(const std::string& pem, const std::string& path);

/// The first certificate of a PEM text alone, as it stands there.
std::string first_certificate(const std::string& pem, const std::string& path);

/// "CN=www.example.org, valid until Jan  1 00:00:00 2030 GMT: certificate has expired"
std::string describe(const Shown& shown);

}  // namespace nospof::faults
