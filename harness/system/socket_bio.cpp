#include "system/socket_bio.hpp"

#include <cstddef>
#include <string_view>

#include <openssl/bio.h>

namespace nospof {

namespace {

SocketState& state_of(BIO* bio) {
  return *static_cast<SocketState*>(BIO_get_data(bio));
}

// OpenSSL's own socket BIO would raise SIGPIPE, and would lose the errno.
int write_to_socket(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  SocketState& state = state_of(bio);
  const std::string_view bytes(data, static_cast<std::size_t>(size));
  if (state.holds) {
    state.held.append(bytes);
    return size;
  }
  std::size_t sent = 0;
  const SocketStep step = send_behind_held(state, bytes, sent);
  if (step == SocketStep::done) return static_cast<int>(sent);
  if (step == SocketStep::again) BIO_set_retry_write(bio);
  return -1;
}

int read_from_socket(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  std::size_t got = 0;
  const SocketStep step = receive_some(state_of(bio), data, static_cast<std::size_t>(size), got);
  if (step == SocketStep::done) return static_cast<int>(got);
  if (step == SocketStep::ended) return 0;
  if (step == SocketStep::again) BIO_set_retry_read(bio);
  return -1;
}

long control_socket(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return state_of(bio).ended ? 1 : 0;
  return 0;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nospof socket");
    BIO_meth_set_write(made, write_to_socket);
    BIO_meth_set_read(made, read_from_socket);
    BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return method;
}

}  // namespace

bio_st* make_socket_bio(SocketState& state) {
  BIO* bio = BIO_new(socket_method());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &state);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace nospof
