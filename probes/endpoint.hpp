#pragma once
// Where to connect to, ready for connect(2).

#include <string>

#include <sys/socket.h>

#include "system/fd.hpp"

namespace nospof::probes {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string text;  ///< numeric address, without the port
};

/// A numeric address or a name, which is then resolved (blocking). Throws Error when it cannot be
/// resolved, and when the address belongs to labs but this process is not inside one.
Endpoint resolve_endpoint(const std::string& address_or_name, int port);

/// A non-blocking TCP socket whose connection is being opened; poll it for writing.
/// On failure no descriptor, and `error_number` says why.
UniqueFd begin_connect(const Endpoint& endpoint, int& error_number);
/// The same for who only wants to know whether it opens: the last segment of the handshake is held
/// back for up to 200 ms. When the socket is reset by then, no service has ever heard of it.
UniqueFd begin_half_connect(const Endpoint& endpoint, int& error_number);
/// The same for UDP: a socket that sends to there and takes what comes from there.
UniqueFd begin_datagrams(const Endpoint& endpoint, int& error_number);
/// Takes what the kernel has to say of a socket (SO_ERROR), for instance once its connection is no
/// longer being opened: 0 when all is well.
int take_socket_error(int fd);

}  // namespace nospof::probes
