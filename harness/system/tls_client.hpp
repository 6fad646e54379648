#pragma once
// OpenSSL's end of one look. Internal to system/tls_look.cpp.

#include <memory>
#include <string>

#include "system/socket_bio.hpp"
#include "system/tls_contexts.hpp"
#include "system/tls_look.hpp"

namespace nospof {

struct FreeTlsClient {
  void operator()(ssl_st* ssl) const noexcept;
};
using TlsClientPtr = std::unique_ptr<ssl_st, FreeTlsClient>;

/// A client over `socket` that offers, shows and verifies what `at` says, and fills in what it sees
/// of the server's certificate. Both must outlive it. Throws Error when a file can't be used.
TlsClientPtr make_tls_client(const TlsLookAt& at, TlsContexts& contexts, TlsShown& shown,
                             SocketState& socket);

/// What OpenSSL says about an error; 0: the connection ended.
std::string tls_error_text(unsigned long code);

/// The same of the first error that this thread has met; none is left.
std::string last_tls_error();

}  // namespace nospof
