#pragma once
// Netlink messages as they are, for what libnl has no words for: dumps that are put back to the
// byte, exact error numbers, sock_diag.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "system/fd.hpp"

namespace nospof {

/// One message without its nlmsghdr: a fixed header (struct rtmsg, ...) and attributes.
struct NetlinkMessage {
  std::uint16_t type = 0;
  std::string payload;
  friend bool operator==(const NetlinkMessage&, const NetlinkMessage&) = default;
};

/// The bytes of a struct, as the beginning of a payload.
template <typename Header>
std::string bytes_of(const Header& header) {
  return std::string(reinterpret_cast<const char*>(&header), sizeof header);
}

/// The struct that a payload begins with; nothing when it is too short.
template <typename Header>
std::optional<Header> header_of(std::string_view payload) {
  Header header{};
  if (payload.size() < sizeof header) return std::nullopt;
  payload.copy(reinterpret_cast<char*>(&header), sizeof header);
  return header;
}

/// Appends one attribute, padded as the kernel wants it.
void append_attribute(std::string& payload, std::uint16_t type, std::string_view value);

/// Calls back for each attribute behind a header of that size: its type (without flags) and value.
void each_attribute(std::string_view payload, std::size_t header_size,
                    const std::function<void(std::uint16_t, std::string_view)>& visit);

/// The value of the first attribute of that type; nothing when there is none.
std::optional<std::string> attribute(std::string_view payload, std::size_t header_size,
                                     std::uint16_t type);

/// The payload without the attributes of these types.
std::string without_attributes(std::string_view payload, std::size_t header_size,
                               const std::vector<std::uint16_t>& types);

/// Calls back for each message of a datagram from a netlink socket: its type, and what is behind
/// its nlmsghdr. Ends at what is cut off.
void each_message(std::string_view datagram,
                  const std::function<void(std::uint16_t, std::string_view)>& visit);

/// A netlink socket of one protocol (NETLINK_ROUTE, NETLINK_SOCK_DIAG). It acts in the network
/// namespace that the calling thread was in when it was made.
class RawNetlink {
 public:
  explicit RawNetlink(int protocol);

  /// All answers to a request for a dump. Asks again when the kernel says that they don't fit
  /// together. Throws SystemError naming `attempt`.
  std::vector<NetlinkMessage> dump(const std::string& attempt, const NetlinkMessage& request);

  /// Sends one request and waits for its acknowledgement; returns the kernel's errno, 0 when it was
  /// done, and its `words` for what it does not like, if it has any. Throws SystemError when it
  /// can't be asked.
  int execute(const std::string& attempt, const NetlinkMessage& request, std::uint16_t flags,
              std::string* words = nullptr);

  /// One request with one answer. `answer` is left alone when the errno returned is not 0.
  int ask(const std::string& attempt, const NetlinkMessage& request, NetlinkMessage& answer);

 private:
  std::uint32_t send(const std::string& attempt, const NetlinkMessage& request,
                     std::uint16_t flags);
  /// What has been received, in the room for it.
  std::string_view block(const std::string& attempt, char* room, std::size_t size);
  /// Calls take(type, flags, payload) for each message with that number until it returns false.
  template <typename Take>
  void receive(const std::string& attempt, std::uint32_t number, char* room, std::size_t size,
               Take take);

  UniqueFd socket_;
  std::uint32_t last_number_ = 0;
};

}  // namespace nospof
