#include "probes/endpoint.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "system/check.hpp"
#include "system/lab_network.hpp"
#include "system/own_connections.hpp"

namespace nospof::probes {

Endpoint resolve_endpoint(const std::string& address_or_name, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int rc =
      ::getaddrinfo(address_or_name.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (rc != 0)
    throw Error(fmt::format(
        "cannot resolve '{}': {}; give the address, or add the name to /etc/hosts or DNS there",
        address_or_name, rc == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(rc)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);

  Endpoint endpoint;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.length = found->ai_addrlen;
  std::array<char, NI_MAXHOST> numeric{};
  ::getnameinfo(found->ai_addr, found->ai_addrlen, numeric.data(), numeric.size(), nullptr, 0,
                NI_NUMERICHOST);
  endpoint.text = numeric.data();
  require_lab_namespace_for(endpoint.text.substr(0, endpoint.text.find('%')));
  return endpoint;
}

namespace {

UniqueFd begin(const Endpoint& endpoint, int option, int value, int& error_number) {
  UniqueFd fd(::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                       IPPROTO_TCP));
  if (!fd) {
    error_number = errno;
    return {};
  }
  ::setsockopt(fd.get(), IPPROTO_TCP, option, &value, sizeof value);
  // sockaddr_storage is made to be cast.
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  if (::connect(fd.get(), address, endpoint.length) < 0 && errno != EINPROGRESS) {
    error_number = errno;
    return {};
  }
  return fd;
}

}  // namespace

// The request follows the end of the handshake in a segment of its own; it must not wait for an
// ACK.
UniqueFd begin_connect(const Endpoint& endpoint, int& error_number) {
  UniqueFd fd = begin(endpoint, TCP_NODELAY, 1, error_number);
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  if (fd) note_own_connection(fd.get(), address, endpoint.length);
  return fd;
}

UniqueFd begin_half_connect(const Endpoint& endpoint, int& error_number) {
  return begin(endpoint, TCP_QUICKACK, 0, error_number);
}

UniqueFd begin_datagrams(const Endpoint& endpoint, int& error_number) {
  UniqueFd fd(::socket(endpoint.address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  if (!fd || ::connect(fd.get(), address, endpoint.length) < 0) {
    error_number = errno;
    return {};
  }
  return fd;
}

int take_socket_error(int fd) {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &length);
  return error_number;
}

}  // namespace nospof::probes
