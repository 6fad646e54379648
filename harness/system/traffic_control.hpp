#pragma once
// Queueing disciplines, filters and ifb devices of one network namespace, over rtnetlink in
// process: no tc(8) is started.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "system/raw_netlink.hpp"

namespace nospof {

/// Attributes of a netlink message, put together as bytes.
class AttributeBytes {
 public:
  /// A fixed structure that stands before the attributes, or in place of them.
  template <typename T>
  requires std::is_trivially_copyable_v<T> AttributeBytes& raw(const T& value) {
    append(&value, sizeof value);
    return *this;
  }
  template <typename T>
  requires(std::is_trivially_copyable_v<T> &&
           !std::is_convertible_v<const T&, std::string_view>) AttributeBytes& put(int type,
                                                                                   const T& value) {
    return put(type, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
  }
  AttributeBytes& put(int type, std::string_view value);
  const std::string& bytes() const { return bytes_; }

 private:
  void append(const void* data, std::size_t size);
  std::string bytes_;
};

/// Finds one attribute in a row of them, beginning at `offset`; empty when it is not there.
std::string_view find_attribute(std::string_view attributes, int type);
/// The value of that attribute when it has the size of T, otherwise `fallback`.
template <typename T>
T attribute_or(std::string_view attributes, int type, T fallback) {
  const std::string_view found = find_attribute(attributes, type);
  if (found.size() == sizeof fallback) std::memcpy(&fallback, found.data(), sizeof fallback);
  return fallback;
}

/// Parents of a device's hooks: the qdisc at its root, and the two of clsact.
inline constexpr std::uint32_t tc_root = 0xFFFFFFFFU;
inline constexpr std::uint32_t tc_clsact = 0xFFFFFFF1U;
inline constexpr std::uint32_t tc_ingress = 0xFFFFFFF2U;
inline constexpr std::uint32_t tc_egress = 0xFFFFFFF3U;

struct QdiscInfo {
  int device = 0;  ///< its index
  std::string kind;
  std::uint32_t handle = 0;
  std::uint32_t parent = 0;
  std::string options;  ///< the bytes of TCA_OPTIONS
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint32_t dropped = 0;
  std::uint32_t waiting = 0;  ///< packets in it now
};

struct FilterInfo {
  std::string kind;
  std::uint32_t parent = 0;
  std::uint16_t priority = 0;
  std::uint16_t protocol = 0;  ///< EtherType, in host order
  std::uint32_t handle = 0;
  std::uint32_t class_id = 0;  ///< of u32 filters; 0: none
  friend bool operator==(const FilterInfo&, const FilterInfo&) = default;
};

/// One comparison of a u32 filter: 32 bits of the packet at an offset from its network header. In
/// host order, as they are read: first byte highest.
struct PacketBits {
  std::uint32_t value = 0;
  std::uint32_t mask = 0;
  int offset = 0;
  friend bool operator==(const PacketBits&, const PacketBits&) = default;
};

/// A u32 filter of clsact that moves packets to another device. It matches when all bits do.
struct Redirect {
  int device = 0;
  std::uint32_t parent = tc_egress;
  std::uint16_t priority = 0;
  std::uint16_t protocol = 0;  ///< EtherType, in host order; ETH_P_ALL for all
  std::uint32_t class_id = 0;  ///< means nothing to the kernel here: a mark to know it by
  int to_device = 0;
  std::vector<PacketBits> match;
};

/// One rtnetlink socket. It acts in the network namespace that the calling thread was in when it
/// was made. Failures are thrown as SystemError with the kernel's own words. Not for use by two
/// threads at once.
class TrafficControl {
 public:
  TrafficControl();

  std::vector<QdiscInfo> qdiscs();
  /// Of one device: of its root qdisc with the number 0, of clsact with its hooks.
  std::vector<FilterInfo> filters(int device, std::uint32_t parent);

  /// Fails with EEXIST when there is one that is not the kernel's default.
  void add_qdisc(int device, std::uint32_t parent, std::uint32_t handle, const std::string& kind,
                 std::string_view options = {});
  /// False when there is no qdisc of that handle and kind at that place.
  bool remove_qdisc(int device, std::uint32_t parent, std::uint32_t handle,
                    const std::string& kind);

  void add_redirect(const Redirect& redirect);
  /// All filters of that priority and protocol at that hook.
  void remove_filters(int device, std::uint32_t parent, std::uint16_t priority,
                      std::uint16_t protocol);

  /// Makes an ifb device, up; returns its index. It gets no IPv6 address of its own. To be called
  /// in the socket's namespace.
  int add_ifb(const std::string& name);

 private:
  /// Sends one message and waits for its answer: 0 or an errno, and what the kernel says to it.
  struct Answer {
    int error = 0;
    std::string words;
  };
  Answer ask(int type, int flags, const std::string& payload);
  /// `attempt` says what is tried; it is asked for only when that has failed.
  template <typename Attempt>
  void request(Attempt attempt, int type, int flags, const std::string& payload);
  template <typename Visit>
  void dump(const std::string& attempt, int type, const std::string& payload, Visit visit);
  std::string name_of(int device) const;

  RawNetlink socket_;
};

}  // namespace nospof
