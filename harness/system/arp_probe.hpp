#pragma once
// Asks again and again who has an IPv4 address, and leaves no trace: neither hosts that hear the
// question nor the asking host itself learn anything from it.

#include <array>
#include <cstddef>
#include <optional>

#include <netinet/in.h>

#include "system/arp.hpp"
#include "system/fd.hpp"

namespace nospof {

/// The requests are ARP probes (RFC 5227): their sender has no protocol address, so no table can
/// be changed by them. The sender's hardware address is made up from the device's own, so that the
/// answers pass by this host's own ARP, which would otherwise believe each of them, and a stale
/// entry would be put right by our looking at it. There are four of these addresses in turn: an
/// answer shows which request it belongs to. Ethernet switches learn them as they do all others.
///
/// It acts in the network namespace that the calling thread was in when it was made; all calls must
/// come from threads in that namespace. While a device is asked on it takes frames to the made-up
/// addresses too, which many drivers do by taking all frames.
class ArpProbe {
 public:
  /// Throws MissingCapability without CAP_NET_RAW, and SystemError.
  explicit ArpProbe(in_addr address);

  static constexpr unsigned tags = 4;
  /// Broadcasts one request on the link whose subnet the address lies in. Returns false when it
  /// could not be sent: there is no such link, or it is down or without carrier. Never waits.
  bool ask(unsigned tag);

  struct Answer {
    MacAddress mac{};
    unsigned tag = 0;  ///< of the request that it answers
  };
  /// Readable (POLLIN) when there are ARP packets.
  int fd() const { return socket_.get(); }
  /// The next answer; nothing when there is none yet. Never waits.
  std::optional<Answer> take_answer();

 private:
  bool is_running(const EthernetLink& link) const;
  void listen_on(const EthernetLink& link);

  in_addr address_;
  UniqueFd socket_;
  int interface_ = 0;  ///< the one that it listens on; 0: none yet
  std::array<MacAddress, tags> senders_{};
};

}  // namespace nospof
