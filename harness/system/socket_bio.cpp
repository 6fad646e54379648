#include "system/socket_bio.hpp"

#include <cerrno>

#include <openssl/bio.h>
#include <sys/socket.h>

namespace nospof {

namespace {

SocketState& state_of(BIO* bio) {
  return *static_cast<SocketState*>(BIO_get_data(bio));
}

// OpenSSL's own socket BIO would raise SIGPIPE, and would lose the errno.
int write_to_socket(BIO* bio, const char* data, int size) {
  SocketState& state = state_of(bio);
  BIO_clear_retry_flags(bio);
  for (;;) {
    const ssize_t n = ::send(state.fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n >= 0) {
      state.sent_bytes += static_cast<std::uint64_t>(n);
      return static_cast<int>(n);
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      BIO_set_retry_write(bio);
    } else {
      state.error_number = errno;
    }
    return -1;
  }
}

int read_from_socket(BIO* bio, char* data, int size) {
  SocketState& state = state_of(bio);
  BIO_clear_retry_flags(bio);
  for (;;) {
    const ssize_t n = ::recv(state.fd, data, static_cast<std::size_t>(size), 0);
    if (n > 0) return static_cast<int>(n);
    if (n == 0) {
      state.ended = true;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      BIO_set_retry_read(bio);
    } else {
      state.error_number = errno;
    }
    return -1;
  }
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
