#pragma once
// One NFQUEUE of the kernel: packets (or only what is known of them) come out, verdicts go in.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "system/netfilter.hpp"

namespace nospof::faults {

struct QueuedPacket {
  std::uint32_t id = 0;
  std::uint32_t bytes =
      0;  ///< of the whole packet from its IP header on; 0 when nothing was copied
  std::uint32_t mark = 0;
  std::uint32_t out_device = 0;
  bool incoming = false;
  bool leaving = false;  ///< behind all other chains: the original of a copy
  bool ipv4 = true;
  std::string_view payload;  ///< valid until the next receive()
};

class PacketQueue {
 public:
  /// How much of every packet comes along.
  enum class Copy { nothing, length, all };

  /// Binds the first free queue number. Packets beyond `most` pass at once. With Copy::nothing
  /// and `whole` the kernel does not cut large packets of TCP into those that go on the link.
  PacketQueue(Copy copy, bool whole, std::uint32_t most);

  std::uint16_t number() const { return number_; }
  int fd() const { return socket_.fd(); }

  /// Some of the packets that are there, without waiting; empty when there are none.
  const std::vector<QueuedPacket>& receive();

  void accept(std::uint32_t id);
  /// With these bytes instead of its own.
  void accept_changed(std::uint32_t id, std::string_view payload);
  void drop(std::uint32_t id);
  /// Past all other chains of its hook, without its mark; with its own bytes when `payload` is
  /// empty.
  void accept_unmarked(std::uint32_t id, std::string_view payload);
  /// Verdicts are sent many at a time; this sends what is left.
  void flush();

  /// Verdicts or reports of packets that the kernel did not take or could not deliver.
  std::uint64_t refused() const { return refused_; }

 private:
  void bind();
  void verdict(std::uint32_t id, std::uint32_t code, std::string_view payload);
  void take(std::string_view message);

  NetfilterSocket socket_;
  Copy copy_;
  std::uint16_t number_ = 0;
  std::size_t block_size_;
  std::vector<char> blocks_;
  std::vector<QueuedPacket> packets_;
  NetfilterMessages verdicts_;
  std::uint64_t refused_ = 0;
};

}  // namespace nospof::faults
