#pragma once
// Whether a host has an IPv4 address, as the kernel tells of its own accord and when asked.

#include <compare>
#include <deque>
#include <optional>
#include <set>

#include <netinet/in.h>

#include "system/fd.hpp"
#include "system/raw_netlink.hpp"

namespace nospof {

/// Where a host has an address.
struct AddressPlace {
  int interface = 0;  ///< index of the device
  int prefix_length = 0;
  friend auto operator<=>(const AddressPlace&, const AddressPlace&) = default;
};

/// Of one address, in the network namespace that the calling thread was in when it was made.
class AddressWatch {
 public:
  /// Throws SystemError.
  explicit AddressWatch(in_addr address);

  struct Change {
    bool added = false;
    AddressPlace place;
  };
  /// Readable (POLLIN) when there are changes of any address.
  int fd() const { return told_.get(); }
  /// The next change that the kernel told, in their order; nothing when there is none yet. Never
  /// waits. When changes come faster than they are taken, some may be missing.
  std::optional<Change> next();
  /// All places where the host has it now, on whatever device, up or down. The kernel answers at
  /// once. Throws SystemError.
  std::set<AddressPlace> ask();

 private:
  std::optional<AddressPlace> place_in(std::string_view payload) const;

  in_addr address_;
  UniqueFd told_;
  RawNetlink asking_;
  std::deque<Change> waiting_;
};

}  // namespace nospof
