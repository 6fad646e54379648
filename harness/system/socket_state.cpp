#include "system/socket_state.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace nospof {

SocketStep send_some(SocketState& state, std::string_view data, std::size_t& size) {
  for (;;) {
    const ssize_t n = ::send(state.fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      size = static_cast<std::size_t>(n);
      state.sent_bytes += size;
      return SocketStep::done;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return SocketStep::again;
    state.error_number = errno;
    return SocketStep::failed;
  }
}

SocketStep send_behind_held(SocketState& state, std::string_view data, std::size_t& size) {
  if (state.held.empty()) return send_some(state, data, size);
  const std::size_t held = state.held.size();
  state.held.append(data);
  std::size_t sent = 0;
  const SocketStep step = send_some(state, state.held, sent);
  state.held.resize(held);
  state.held.erase(0, sent);
  size = sent > held ? sent - held : 0;
  return step == SocketStep::done && size == 0 ? SocketStep::again : step;
}

SocketStep send_held(SocketState& state) {
  while (!state.held.empty()) {
    std::size_t sent = 0;
    const SocketStep step = send_some(state, state.held, sent);
    if (step != SocketStep::done) return step;
    state.held.erase(0, sent);
  }
  return SocketStep::done;
}

SocketStep receive_some(SocketState& state, char* data, std::size_t room, std::size_t& size) {
  if (state.drained == Drained::yes) return SocketStep::again;
  for (;;) {
    const ssize_t n = ::recv(state.fd, data, room, 0);
    if (n > 0) {
      size = static_cast<std::size_t>(n);
      if (state.drained == Drained::no && size < room) state.drained = Drained::yes;
      return SocketStep::done;
    }
    if (n == 0) {
      state.ended = true;
      return SocketStep::ended;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return SocketStep::again;
    state.error_number = errno;
    return SocketStep::failed;
  }
}

}  // namespace nospof
