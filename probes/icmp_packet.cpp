#include "probes/icmp_packet.hpp"

namespace nospof::probes {

namespace {

constexpr std::size_t header_size = 8;
constexpr char request_type = 8;
constexpr char reply_type = 0;

std::uint16_t word_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

void put_word(std::string& bytes, std::size_t at, std::uint16_t word) {
  bytes[at] = static_cast<char>(word >> 8U);
  bytes[at + 1] = static_cast<char>(word & 0xff);
}

std::string number_bytes(std::uint64_t number) {
  std::string bytes;
  for (unsigned shift = 64; shift > 0; shift -= 8)
    bytes += static_cast<char>(number >> (shift - 8) & 0xff);
  return bytes;
}

/// RFC 1071
std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += word_at(bytes, i);
  if (bytes.size() % 2 == 1)
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes.back())) << 8U;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::string echo_request(const EchoMessage& message) {
  std::string bytes(header_size, '\0');
  bytes[0] = request_type;
  put_word(bytes, 4, message.id);
  put_word(bytes, 6, message.sequence);
  bytes += message.payload;
  put_word(bytes, 2, checksum(bytes));
  return bytes;
}

std::optional<EchoMessage> parse_echo_reply(std::string_view icmp) {
  if (icmp.size() < header_size || icmp[0] != reply_type || icmp[1] != 0) return std::nullopt;
  return EchoMessage{word_at(icmp, 4), word_at(icmp, 6), std::string(icmp.substr(header_size))};
}

std::optional<std::uint16_t> quoted_sequence(std::string_view icmp) {
  if (icmp.size() < header_size || icmp[0] != request_type) return std::nullopt;
  return word_at(icmp, 6);
}

std::string_view behind_ip_header(std::string_view packet) {
  if (packet.empty()) return {};
  const std::size_t length = static_cast<std::size_t>(packet[0] & 0x0f) * 4;
  return packet.size() < length ? std::string_view() : packet.substr(length);
}

EchoPayload::EchoPayload(std::uint64_t run_high, std::uint64_t run_low, std::size_t size)
    : run_(number_bytes(run_high) + number_bytes(run_low)), size_(size) {}

std::string EchoPayload::of(std::uint64_t sequence) const {
  std::string payload = run_ + number_bytes(sequence);
  for (std::size_t i = payload.size(); i < size_; ++i)
    payload += static_cast<char>((sequence + i) & 0xff);
  return payload;
}

std::optional<std::uint64_t> EchoPayload::sequence_of(std::string_view payload) const {
  if (payload.size() < smallest || !payload.starts_with(run_)) return std::nullopt;
  std::uint64_t sequence = 0;
  for (std::size_t i = run_.size(); i < smallest; ++i)
    sequence = sequence << 8U | static_cast<unsigned char>(payload[i]);
  return sequence;
}

}  // namespace nospof::probes
