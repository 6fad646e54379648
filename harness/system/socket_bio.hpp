#pragma once
// The socket under OpenSSL: as OpenSSL's own, but it raises no SIGPIPE and keeps the errno.

#include <cstdint>

struct bio_st;

namespace nospof {

/// What the socket under TLS saw; OpenSSL's own errors do not keep it.
struct SocketState {
  int fd = -1;
  int error_number = 0;
  bool ended = false;  ///< the peer's FIN was read
  std::uint64_t sent_bytes = 0;
};

/// A BIO over `state.fd`, which it does not own; `state` must stay where it is for as long as the
/// BIO lives. nullptr: no memory. For SSL_set_bio(), which takes it over.
bio_st* make_socket_bio(SocketState& state);

}  // namespace nospof
