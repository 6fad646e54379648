#pragma once
// Captures what goes over the network devices of this host, both ways: a packet socket with a ring
// of memory that the kernel writes and this process reads (TPACKET_V3, packet(7)).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "system/fd.hpp"

namespace nospof {

/// One frame, as long as it is looked at.
struct CapturedFrame {
  std::string_view bytes;          ///< from the link's own header on
  std::size_t network_offset = 0;  ///< where in `bytes` the network layer begins
  std::uint16_t protocol = 0;      ///< of the network layer, an ethertype in host byte order
  std::uint16_t hardware = 0;      ///< ARPHRD_... of the device
  int interface = 0;               ///< the device's index
  std::int64_t wall_ns = 0;        ///< CLOCK_REALTIME, nanoseconds since the epoch
  bool whole = true;               ///< false: there was more of it than is here
};

/// It acts in the network namespace that the calling thread was in when it was made, on all its
/// devices but loopback ones, also on those that are made or set up later.
class PacketRing {
 public:
  /// `bytes` of memory, rounded to a whole number of blocks, at least two. Captures nothing yet.
  /// Throws MissingCapability without CAP_NET_RAW or in a kernel without packet sockets, and
  /// SystemError.
  explicit PacketRing(std::size_t bytes);
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  /// How long a frame may lie in the ring before it can be read.
  static constexpr int latency_ms = 50;

  void start();
  /// Readable (POLLIN) when there are frames.
  int fd() const { return socket_.get(); }
  /// Hands over what is there, at most one round of the ring. Never waits.
  void read(const std::function<void(const CapturedFrame&)>& take);
  /// How many frames found no room since the last call.
  std::uint64_t take_dropped();

 private:
  const char* block(std::size_t number) const;

  UniqueFd socket_;
  std::size_t blocks_ = 0;
  void* memory_ = nullptr;
  std::size_t next_ = 0;
};

}  // namespace nospof
