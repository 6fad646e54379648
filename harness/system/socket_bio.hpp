#pragma once
// The socket under OpenSSL: as OpenSSL's own, but it raises no SIGPIPE and keeps the errno.

#include "system/socket_state.hpp"

struct bio_st;

namespace nospof {

/// A BIO over `state.fd`, which it does not own; `state` must stay where it is for as long as the
/// BIO lives. nullptr: no memory. For SSL_set_bio(), which takes it over.
bio_st* make_socket_bio(SocketState& state);

}  // namespace nospof
