#pragma once
// What a look at a TLS server saw, and what can be told of certificates that are PEM texts.

#include <string>
#include <vector>

#include "system/clock.hpp"

struct ssl_st;
struct x509_store_ctx_st;

namespace nospof {

/// How far a handshake got.
enum class TlsHandshake {
  whole,
  not_connected,  ///< no TCP connection, or none on which TLS could begin
  no_answer,      ///< the time was over
  cut,            ///< the server ended the connection before the handshake was whole
  refused,        ///< the server sent a fatal alert
  no_tls,         ///< the server says something that is no TLS, or that it offers none
  broken,         ///< what came breaks the rules of TLS, or this side can't go on
};

/// How what the server says after the handshake ended, as far as it was read.
enum class TlsStream {
  open,       ///< it had not ended, or was not read
  orderly,    ///< close_notify
  truncated,  ///< the connection ended without one
  alert,      ///< the server sent a fatal alert
};

/// What was seen. Without a certificate, `failure` says why.
struct TlsShown {
  bool certificate = false;
  std::string fingerprint;  ///< SHA-256 of the certificate, hex
  std::string key;          ///< SHA-256 of its public key (SubjectPublicKeyInfo), hex
  std::string subject;
  std::string not_before, not_after;
  int chain = 0;               ///< certificates that were sent
  long verified = 0;           ///< X509_V_OK, or the first reason why it is not to be trusted
  std::string verified_text;   ///< "certificate has expired"
  std::vector<long> problems;  ///< all reasons, X509_V_ERR_...
  WallTime valid_from{};       ///< when the last of the chain becomes valid
  WallTime valid_until{};      ///< when the first of the chain expires; epoch: not known

  TlsHandshake handshake = TlsHandshake::no_answer;
  std::string protocol;  ///< "TLSv1.3"; empty: no whole handshake
  std::string cipher;    ///< "TLS_AES_256_GCM_SHA384"; empty: no whole handshake
  std::string weakness;  ///< what is weak about the cipher or the key exchange; empty: nothing
  bool certificate_wanted = false;  ///< the server asked for the client's certificate
  std::string failure;              ///< why there was no whole handshake; empty: there was one

  std::string answer;  ///< the beginning of what the server said after the handshake
  TlsStream stream = TlsStream::open;
  bool renegotiated = false;
  bool late = false;  ///< the handshake was whole, but not what was to come after it
};

/// For SSL_CTX_set_cert_verify_callback(): fills in what is shown, and goes on whatever is wrong
/// with it, as seeing is the point. The argument is the TlsShown; the SSL's application data too.
int show_certificate(x509_store_ctx_st* context, void* shown);

/// After a whole handshake: protocol, cipher and what is weak about them.
void show_session(TlsShown& shown, const ssl_st* ssl);

/// Fingerprint and key of the first certificate of a PEM text, and how many there are. Throws Error
/// naming `path` when there is none.
TlsShown certificate_of_pem(const std::string& pem, const std::string& path);

/// The first certificate of a PEM text alone, as it stands there.
std::string first_certificate(const std::string& pem, const std::string& path);

/// "CN=www.example.org, valid until Jan  1 00:00:00 2030 GMT: certificate has expired"
std::string describe(const TlsShown& shown);

}  // namespace nospof
