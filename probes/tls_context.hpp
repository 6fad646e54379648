#pragma once
// What all TLS connections of a probe share.

#include <cstddef>
#include <memory>
#include <string>

#include "probes/verified_chains.hpp"
#include "system/clock.hpp"

struct ssl_ctx_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace nospof::probes {

class TlsSessions;

/// What makes handshakes cheaper, and different from those of a client that comes for the first
/// time. All of it is off unless asked for.
struct TlsOptions {
  /// Chains that need not be verified again; may be shared by several contexts. nullptr: none.
  std::shared_ptr<VerifiedChains> verified_chains;
  /// For how long after a full handshake its session is resumed, which shows no certificate. 0: no
  /// session is.
  Nanoseconds resume_for{0};
};

/// Trust, the identity to find, the version floor (TLS 1.2). For one thread.
class TlsContext {
 public:
  /// `host` is a DNS name, or an address that must then be in the certificate as one.
  /// `authority_file` empty: the system's authorities. Throws Error naming the file.
  TlsContext(const std::string& authority_file, const std::string& host,
             const TlsOptions& options = {});
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsStream;

  void set_up(const std::string& authority_file, const std::string& host,
              const TlsOptions& options);
  void keep_verified_chains(bool own_authorities);
  static int verify(x509_store_ctx_st* context, void* self);
  /// Verifies it, or finds that this was done. Nothing: refused.
  std::optional<PathValidity> verified(x509_store_ctx_st* context) const;

  ssl_ctx_st* context_;
  std::string server_name_;  ///< for SNI; empty for an address
  std::string identity_;
  std::shared_ptr<VerifiedChains> verified_chains_;
  std::unique_ptr<ChainDigest> digest_;
  VerifiedChains::Digest trust_{};
  std::unique_ptr<TlsSessions> sessions_;  ///< nullptr: none is resumed
  mutable std::size_t streams_ = 0;        ///< at this time
};

}  // namespace nospof::probes
