#pragma once
// Sends the second copy of a packet that goes out.

#include <cstdint>
#include <string_view>

#include "system/fd.hpp"

namespace nospof::faults {

class DuplicateSender {
 public:
  /// Its packets can be told by the group of their socket (nftables: `meta skgid`), which touches
  /// neither marks nor routes. Needs CAP_NET_RAW and CAP_SETGID.
  explicit DuplicateSender(std::uint32_t group);

  /// A whole IPv4 packet, by the device that the first copy goes out of. One that can't be sent is
  /// lost, as it could be on any network.
  void send(std::string_view packet, std::uint32_t device, std::uint32_t mark) const;

 private:
  UniqueFd socket_;
};

}  // namespace nospof::faults
