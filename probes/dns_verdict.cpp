#include "probes/dns_verdict.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>

#include "probes/config_keys.hpp"
#include "system/check.hpp"

namespace nospof::probes {

using kinds::Outcome;

namespace {

/// An address as inet_ntop(3) writes it; nothing when it is none of that type.
std::optional<std::string> canonical(const std::string& text, std::uint16_t type) {
  const int family = type == dns_type_a ? AF_INET : AF_INET6;
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> written{};
  if (::inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  ::inet_ntop(family, bytes.data(), written.data(), written.size());
  return written.data();
}

DnsVerdict judged(Outcome outcome, int detail) {
  return {DnsStep::judged, {outcome, static_cast<std::uint16_t>(detail)}};
}

std::size_t length_in_front(std::string_view bytes) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0]) << 8U |
                                  static_cast<unsigned char>(bytes[1]));
}

}  // namespace

Pace dns_pace() {
  Pace pace;
  pace.max_in_flight = 2000;
  return pace;
}

DnsConfig parse_dns_config(const boost::json::object& json) {
  DnsConfig config;
  ConfigKeys keys("dns probe", json);
  config.server = keys.required_text("server");
  if (!canonical(config.server, dns_type_a) && !canonical(config.server, dns_type_aaaa))
    keys.refuse("server", json.at("server"), "an IP address");
  config.port = static_cast<int>(keys.integer("port", config.port, 1, 65535));
  config.name = keys.required_text("name");
  if (config.name.ends_with('.')) config.name.pop_back();
  try {
    dns_query(0, config.name);
  } catch (const Error&) {
    keys.refuse("name", json.at("name"), "a DNS name");
  }
  if (config.name.size() > 253) keys.refuse("name", json.at("name"), "a DNS name");
  config.type = keys.choice("type", {"A", "AAAA"}) == "A" ? dns_type_a : dns_type_aaaa;
  config.expect = keys.text("expect", "");
  if (!config.expect.empty()) {
    const auto address = canonical(config.expect, config.type);
    if (!address) keys.refuse("expect", json.at("expect"), "an address of the type asked for");
    config.expect = *address;
  }
  config.pace = parse_pace(keys, dns_pace());
  keys.refuse_unknown();
  return config;
}

DnsVerdict judge_dns_answer(std::string_view message, const DnsQuestion& question,
                            const std::string& expect, bool over_tcp) {
  if (!over_tcp && !dns_answer_code(message, question.id)) return {};
  const auto answer = parse_dns_answer(message, question);
  if (!answer) return judged(Outcome::wrong_body, EBADMSG);
  if (answer->code != 0) return judged(Outcome::dns, answer->code);
  if (answer->truncated)
    return over_tcp ? judged(Outcome::wrong_body, EBADMSG) : DnsVerdict{DnsStep::ask_over_tcp, {}};
  if (answer->addresses.empty()) return judged(Outcome::dns, 0);
  const bool right =
      expect.empty() || std::ranges::find(answer->addresses, expect) != answer->addresses.end();
  return judged(right ? Outcome::ok : Outcome::wrong_body, 0);
}

std::optional<std::string> DnsStreamReader::feed(std::string_view bytes) {
  bytes_ += bytes;
  if (bytes_.size() < 2) return std::nullopt;
  const std::size_t length = length_in_front(bytes_);
  if (bytes_.size() < 2 + length) return std::nullopt;
  return bytes_.substr(2, length);
}

std::string dns_over_tcp(std::string_view message) {
  std::string framed;
  framed += static_cast<char>(message.size() >> 8U);
  framed += static_cast<char>(message.size() & 0xffU);
  return framed.append(message);
}

}  // namespace nospof::probes
