#include "system/packet_socket.hpp"

#include <cerrno>
#include <cstdint>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof {

UniqueFd open_packet_socket(int protocol) {
  UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                           htons(static_cast<std::uint16_t>(protocol))));
  if (socket) return socket;
  if (errno == EPERM)
    throw MissingCapability(
        "looking at packets needs CAP_NET_RAW, which this process lacks: run it as root or give it "
        "that capability");
  if (errno == EAFNOSUPPORT)
    throw MissingCapability(
        "looking at packets needs a kernel with packet sockets (CONFIG_PACKET)");
  throw SystemError("open a packet socket", errno);
}

}  // namespace nospof
