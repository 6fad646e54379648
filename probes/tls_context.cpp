#include "probes/tls_context.hpp"

#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "probes/tls_library.hpp"
#include "probes/tls_sessions.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace {

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : fmt::format("OpenSSL error {}", code);
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

void load_authorities(SSL_CTX* context, const std::string& file) {
  const int rc = file.empty() ? SSL_CTX_set_default_verify_paths(context)
                              : SSL_CTX_load_verify_file(context, file.c_str());
  if (rc != 1)
    throw Error(fmt::format("cannot load certificates of authorities from {}: {}",
                            file.empty() ? "the system's folder" : file, openssl_reason()));
}

// Those of the browsers, in their order: what is a user here is served when users are. To offer all
// that OpenSSL knows would take time in every handshake.
void set_ciphers(SSL_CTX* context) {
  SSL_CTX_set_ciphersuites(context,
                           "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                           "TLS_CHACHA20_POLY1305_SHA256");
  if (SSL_CTX_set_cipher_list(context,
                              "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA:"
                              "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:"
                              "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA") != 1)
    throw Error("cannot choose TLS ciphers: " + openssl_reason());
}

}  // namespace

TlsContext::TlsContext(const std::string& authority_file, const std::string& host,
                       const TlsOptions& options)
    : context_(SSL_CTX_new_ex(tls_library(), nullptr, TLS_client_method())), identity_(host) {
  if (context_ == nullptr) throw Error("cannot make a TLS context: " + openssl_reason());
  try {
    set_up(authority_file, host, options);
  } catch (...) {
    SSL_CTX_free(context_);
    throw;
  }
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

void TlsContext::set_up(const std::string& authority_file, const std::string& host,
                        const TlsOptions& options) {
  load_authorities(context_, authority_file);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  // A resumed session would skip what is to be measured and verified.
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
  set_ciphers(context_);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context_, 1);
  constexpr std::array<unsigned char, 9> http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(context_, http_1_1.data(), http_1_1.size());

  X509_VERIFY_PARAM* identity = SSL_CTX_get0_param(context_);
  const bool by_address = is_address(host);
  const int rc = by_address ? X509_VERIFY_PARAM_set1_ip_asc(identity, host.c_str())
                            : X509_VERIFY_PARAM_set1_host(identity, host.c_str(), host.size());
  if (rc != 1) throw Error(fmt::format("cannot verify the identity '{}'", host));
  X509_VERIFY_PARAM_set_hostflags(
      identity, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (!by_address) server_name_ = host;

  if (options.resume_for > Nanoseconds(0))
    sessions_ = std::make_unique<TlsSessions>(context_, options.resume_for);
  verified_chains_ = options.verified_chains;
  if (verified_chains_) keep_verified_chains(!authority_file.empty());
  if (verified_chains_ || sessions_) SSL_CTX_set_cert_verify_callback(context_, verify, this);
}

void TlsContext::keep_verified_chains(bool own_authorities) {
  digest_ = std::make_unique<ChainDigest>();
  // OpenSSL looks into the system's folder only when it needs an authority: what is in there is not
  // known beforehand, so that this context shares nothing with others.
  if (!own_authorities) {
    if (RAND_bytes(trust_.data(), static_cast<int>(trust_.size())) == 1) return;
  } else if (const auto trust = digest_->of_trust(SSL_CTX_get_cert_store(context_))) {
    trust_ = *trust;
    return;
  }
  throw Error("cannot take a digest of the authorities: " + openssl_reason());
}

// In the place of X509_verify_cert(), by which OpenSSL verifies otherwise.
int TlsContext::verify(x509_store_ctx_st* context, void* self) {
  const auto& tls = *static_cast<const TlsContext*>(self);
  const auto validity = tls.verified(context);
  if (!validity) return 0;
  if (tls.sessions_) {
    auto* ssl = static_cast<ssl_st*>(
        X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    *TlsSessions::origin_of(ssl) =
        tls.sessions_->new_origin(*validity, std::chrono::steady_clock::now());
  }
  return 1;
}

std::optional<PathValidity> TlsContext::verified(x509_store_ctx_st* context) const {
  std::optional<VerifiedChains::Digest> chain;
  const MonoTime now = std::chrono::steady_clock::now();
  if (verified_chains_) {
    chain = digest_->of_chain(trust_, identity_, X509_STORE_CTX_get0_untrusted(context));
    if (chain) {
      if (const auto validity = verified_chains_->find(*chain, now, SystemClock().wall())) {
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return validity;
      }
    }
  }
  if (X509_verify_cert(context) != 1) return std::nullopt;
  const auto validity = path_validity(X509_STORE_CTX_get0_chain(context));
  // Dates that cannot be told are good enough for this time, and not to rely on later.
  if (!validity || X509_STORE_CTX_get_error(context) != X509_V_OK)
    return PathValidity{WallTime::min(), WallTime::min()};
  if (chain) verified_chains_->add(*chain, *validity, now);
  return validity;
}

}  // namespace nospof::probes
