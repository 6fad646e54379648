#pragma once
// What all TLS connections of a probe share.

#include <string>

struct ssl_ctx_st;

namespace nospof::probes {

/// Trust, the identity to find, the version floor (TLS 1.2).
class TlsContext {
 public:
  /// `host` is a DNS name, or an address that must then be in the certificate as one.
  /// `authority_file` empty: the system's authorities. Throws Error naming the file.
  TlsContext(const std::string& authority_file, const std::string& host);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsStream;
  ssl_ctx_st* context_;
  std::string server_name_;  ///< for SNI; empty for an address
};

}  // namespace nospof::probes
