#pragma once
// Messages to the kernel's packet filter as they are: for what has to be in force at once, and for
// what libnftables has no words for, the xtables target NFQUEUE within a table of our own and the
// packets that come out of it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "system/fd.hpp"

namespace nospof {

/// Several messages of protocol NETLINK_NETFILTER, one behind the other.
class NetfilterMessages {
 public:
  /// `subsystem` and `number`: NFNL_SUBSYS_... and NFT_MSG_... or NFQNL_MSG_...
  void begin(unsigned subsystem, unsigned number, unsigned family, unsigned flags,
             std::uint16_t resource = 0);
  void attribute(std::uint16_t type, std::string_view value);
  void text(std::uint16_t type, std::string_view value);   ///< with its terminating zero
  void number32(std::uint16_t type, std::uint32_t value);  ///< big-endian
  /// Attributes up to the matching end() lie in this one.
  void nest(std::uint16_t type);
  void end();

  std::string_view bytes() const { return bytes_; }
  std::size_t count() const { return count_; }
  bool empty() const { return bytes_.empty(); }
  void clear();
  /// The last message is to be acknowledged by the kernel.
  void acknowledge_last();
  /// Puts finished messages before and behind these.
  void wrap(std::string_view before, std::string_view behind);

 private:
  void fit_message();

  std::string bytes_;
  std::size_t message_ = 0;  ///< where the last message begins
  std::size_t count_ = 0;
  std::vector<std::size_t> open_;
};

/// A netlink socket to the packet filter, in the network namespace that the calling thread is in.
/// What it owns (tables with the flag owner, queues) the kernel removes when it closes.
class NetfilterSocket {
 public:
  NetfilterSocket();

  int fd() const { return socket_.get(); }
  /// Sends without asking for an answer; what the kernel has against it comes as a message.
  void send(std::string_view attempt, const NetfilterMessages& messages);
  /// Sends messages whose last one asks for an acknowledgement (NLM_F_ACK) and waits for it; throws
  /// SystemError naming `attempt` with the first refusal.
  void execute(std::string_view attempt, const NetfilterMessages& messages);
  /// nftables commands, all or nothing; the last one asks for an acknowledgement.
  void transaction(std::string_view attempt, const NetfilterMessages& commands);

 private:
  void make_room_for(std::size_t size);

  UniqueFd socket_;
};

}  // namespace nospof
