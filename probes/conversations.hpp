#pragma once
// Sightings of a text on the wire as findings: one for each client, server and port, however many
// connections and packets there are.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kinds/finding.hpp"
#include "probes/packet.hpp"
#include "probes/recent_table.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

/// Who asks whom, whichever way a packet goes.
struct Conversation {
  FlowEnd client;  ///< with port 0: it is another one for each connection
  FlowEnd server;
  Transport transport = Transport::tcp;
  friend auto operator<=>(const Conversation&, const Conversation&) = default;
};
/// "198.18.0.21 -> 198.18.0.31:8443/tcp"
std::string text_of(const Conversation& conversation);

/// Tells which end of a flow is the server. An end that was seen to accept a connection is (its SYN
/// is an answer); of others the lower port, because systems take the ports of clients from the
/// upper part of the range. When the ports are equal the lower address counts as the client's, so
/// that both directions still are one conversation.
class Servers {
 public:
  explicit Servers(std::size_t most) : accepting_(most) {}
  void learn(const Packet& packet);
  Conversation conversation(const Flow& flow);

 private:
  struct EndHash {
    std::size_t operator()(const FlowEnd& end) const noexcept;
  };
  struct Known {};
  RecentTable<FlowEnd, Known, EndHash> accepting_;
};

/// Which conversations the text is seen in now.
class Sightings {
 public:
  /// A conversation is over after `quiet` without one; of more than `most` at a time the others are
  /// told as one, "other conversations".
  Sightings(Nanoseconds quiet, std::size_t most) : quiet_(quiet), most_(most) {}

  /// Returns whether it is the first one of its conversation.
  bool saw(const Conversation& conversation, std::int64_t at_ns);
  /// The finding for a first one.
  kinds::Finding finding(const Conversation& conversation, std::int64_t at_ns,
                         std::int64_t since_ns, std::string detail) const;
  /// Those that are over; they are told once.
  std::vector<kinds::Finding> take_over(std::int64_t now_ns);

 private:
  struct Seen {
    std::int64_t last_ns = 0;
    std::uint64_t count = 0;
  };
  std::string subject(const Conversation& conversation) const;

  Nanoseconds quiet_;
  std::size_t most_;
  std::map<Conversation, Seen> seen_;
};

}  // namespace nospof::probes
