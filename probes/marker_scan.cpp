#include "probes/marker_scan.hpp"

#include <algorithm>
#include <cstring>

namespace nospof::probes {

namespace {

// A datagram in pieces is whole within moments.
constexpr std::size_t most_cut_datagrams = 256;
// Numbers that lie farther back are those of another connection between the same two ends.
constexpr std::uint32_t farthest_back = 1U << 20U;
constexpr std::size_t context = 40;

// Of the characters that tokens are made of, also as base64 or percent-encoded.
bool in_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("-_.~+/=%").find(c) != std::string_view::npos;
}

std::size_t position(std::string_view text, std::string_view marker) {
  const void* const found = ::memmem(text.data(), text.size(), marker.data(), marker.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace

std::size_t MarkerScan::WayHash::operator()(const Way& way) const noexcept {
  // The fields one by one: between them there may be padding.
  std::uint64_t hash = static_cast<std::uint32_t>(way.interface);
  const auto add = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32U;
  };
  for (const FlowEnd* end : {&way.flow.from, &way.flow.to}) {
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), end->address.data(), sizeof words);
    add(words[0]);
    add(words[1]);
    add(end->port);
  }
  add(std::uint64_t{way.fragment_id} << 8U | static_cast<std::uint8_t>(way.flow.transport));
  return hash;
}

MarkerScan::MarkerScan(std::string marker, std::size_t most_flows)
    : marker_(std::move(marker)), flows_(most_flows), pieces_(most_cut_datagrams) {}

Flow MarkerScan::with_ports(int interface, const Packet& packet) {
  if (!packet.fragment) return packet.flow;
  Way cut{interface, packet.flow, packet.fragment->id};
  cut.flow.from.port = cut.flow.to.port = 0;
  if (packet.fragment->first) return pieces_.at(cut) = packet.flow;
  const Flow* const known = pieces_.find(cut);
  return known == nullptr ? packet.flow : *known;
}

std::optional<std::string_view> MarkerScan::fresh(Kept& kept, const Packet& packet) {
  if (!packet.sequence || !kept.next) return packet.payload;
  const std::uint32_t back = *kept.next - *packet.sequence;
  if (back == 0) return packet.payload;
  if (back > farthest_back) {  // there is a gap, or nothing in common
    kept.tail.clear();
    return packet.payload;
  }
  if (back >= packet.payload.size()) return std::nullopt;
  return packet.payload.substr(back);
}

void MarkerScan::keep(Kept& kept, std::string_view payload) const {
  const std::size_t most = marker_.size() - 1;
  if (payload.size() >= most) {
    kept.tail = payload.substr(payload.size() - most);
    return;
  }
  kept.tail += payload;
  if (kept.tail.size() > most) kept.tail.erase(0, kept.tail.size() - most);
}

bool MarkerScan::found_where_they_meet(const Kept& kept, std::string_view payload) {
  if (kept.tail.empty()) return false;
  joined_ = kept.tail;
  joined_ += payload.substr(0, marker_.size() - 1);
  if (position(joined_, marker_) == std::string_view::npos) return false;
  joined_ += payload.substr(std::min(payload.size(), marker_.size() - 1), context);
  return true;
}

std::optional<MarkerMatch> MarkerScan::read(int interface, const Packet& packet) {
  const Flow flow = with_ports(interface, packet);
  const Way way{interface, flow, 0};
  if (packet.syn) flows_.erase(way);  // numbers begin anew
  if (packet.payload.empty()) return std::nullopt;
  Kept& kept = flows_.at(way);
  const std::optional<std::string_view> rest = fresh(kept, packet);
  std::optional<MarkerMatch> match;
  if (const std::size_t at = position(packet.payload, marker_); at != std::string_view::npos)
    match = MarkerMatch{packet.payload, at, flow};
  if (!rest) return match;
  if (!match && found_where_they_meet(kept, *rest))
    match = MarkerMatch{joined_, position(joined_, marker_), flow};
  keep(kept, *rest);
  if (packet.sequence)
    kept.next = *packet.sequence + static_cast<std::uint32_t>(packet.payload.size());
  else if (kept.next)
    *kept.next += static_cast<std::uint32_t>(rest->size());
  return match;
}

std::string excerpt(const MarkerMatch& match, std::string_view marker) {
  const std::string_view text = match.text;
  std::size_t begin = match.at - std::min(match.at, context);
  const std::size_t end = std::min(text.size(), match.at + marker.size() + context);
  std::string shown;
  // The first word might be the rest of another token, which began in an earlier packet.
  if (begin < match.at && in_word(text[begin])) shown = "***";
  while (begin < match.at && in_word(text[begin])) ++begin;
  while (begin < end) {
    if (text.substr(begin).starts_with(marker)) {
      shown += marker;
      shown += "***";
      for (begin += marker.size(); begin < end && in_word(text[begin]);) ++begin;
      continue;
    }
    const char c = text[begin++];
    shown += c >= ' ' && c <= '~' ? c : '.';
  }
  return shown;
}

}  // namespace nospof::probes
