#pragma once
// Looks for a text in packets, also where two packets of one flow meet.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "probes/packet.hpp"
#include "probes/recent_table.hpp"

namespace nospof::probes {

/// Where the text was found: at `at` in `text`, which has what was captured around it.
struct MarkerMatch {
  std::string_view text;  ///< valid until the next packet, and as long as this one's bytes are
  std::size_t at = 0;
  Flow flow;  ///< of the packet in which it ended; ports 0 when they are in a piece not seen
};

/// Keeps of each flow, that is of each direction of a connection on each interface, as many bytes
/// as can be the beginning of the text. TCP is joined by its sequence numbers, so that what is sent
/// again does no harm; a text that is cut just where segments overtook each other is not seen.
/// Datagrams and pieces of one that IP cut are joined in the order in which they come.
class MarkerScan {
 public:
  /// `most_flows`: of more than that, those are forgotten that were silent for longest.
  MarkerScan(std::string marker, std::size_t most_flows);

  /// The first match that this packet ends; nothing when there is none.
  std::optional<MarkerMatch> read(int interface, const Packet& packet);

 private:
  struct Way {
    int interface = 0;
    Flow flow;
    std::uint32_t fragment_id = 0;  ///< of pieces, whose ports are not known yet
    friend bool operator==(const Way&, const Way&) = default;
  };
  struct WayHash {
    std::size_t operator()(const Way& way) const noexcept;
  };
  struct Kept {
    std::string tail;                   ///< the last bytes, fewer than the marker has
    std::optional<std::uint32_t> next;  ///< TCP's number of the byte that follows them
  };

  Flow with_ports(int interface, const Packet& packet);
  /// What of the payload follows what is kept; nothing when it was all there before.
  static std::optional<std::string_view> fresh(Kept& kept, const Packet& packet);
  void keep(Kept& kept, std::string_view payload) const;
  bool found_where_they_meet(const Kept& kept, std::string_view payload);

  std::string marker_;
  RecentTable<Way, Kept, WayHash> flows_;
  RecentTable<Way, Flow, WayHash> pieces_;
  std::string joined_;
};

/// Up to 40 bytes on either side of a match as printable ASCII, others as '.'. What may be a secret
/// is shown as "***": the rest of a word that begins with the marker, and a first word whose
/// beginning is not there.
std::string excerpt(const MarkerMatch& match, std::string_view marker);

}  // namespace nospof::probes
