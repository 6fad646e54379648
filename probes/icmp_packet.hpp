#pragma once
// ICMP echo messages (RFC 792). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nospof::probes {

struct EchoMessage {
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::string payload;
};

/// The bytes of a request, with its checksum.
std::string echo_request(const EchoMessage& message);
/// Nothing when it is no echo reply.
std::optional<EchoMessage> parse_echo_reply(std::string_view icmp);
/// The sequence of the echo request that an ICMP error quotes the beginning of; nothing when it
/// quotes something else.
std::optional<std::uint16_t> quoted_sequence(std::string_view icmp);
/// What follows the IPv4 header; empty when there is none.
std::string_view behind_ip_header(std::string_view packet);

/// What all requests of a run have in them: which run, which request.
class EchoPayload {
 public:
  static constexpr std::size_t smallest = 24;

  /// `size` is at least `smallest`.
  EchoPayload(std::uint64_t run_high, std::uint64_t run_low, std::size_t size);
  std::string of(std::uint64_t sequence) const;
  /// The request that a payload is of; nothing when it is none of this run's.
  std::optional<std::uint64_t> sequence_of(std::string_view payload) const;

 private:
  std::string run_;
  std::size_t size_;
};

}  // namespace nospof::probes
