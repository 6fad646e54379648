// What servers, and the wire, say to a probe. The first byte chooses who reads the others.

#include <cstdint>

#include "probes/http_response.hpp"
#include "probes/marker_scan.hpp"
#include "probes/packet.hpp"
#include "probes/prometheus_answer.hpp"
#include "system/dns_message.hpp"
#include "system/starttls.hpp"

using namespace nospof;

namespace {

void read_response(std::string_view bytes) {
  probes::HttpResponse response;
  auto state = probes::HttpResponse::State::incomplete;
  for (std::size_t at = 0; at < bytes.size() && state == probes::HttpResponse::State::incomplete;
       at += 5)
    state = response.feed(bytes.substr(at, 5));
  response.finish();
}

void read_dns(std::string_view bytes) {
  static const DnsQuestion question = *parse_dns_query(dns_query(7, "www.nospof.test"));
  parse_dns_answer(bytes, question);
  dns_answer_code(bytes, 7);
  if (const auto asked = parse_dns_query(bytes)) nxdomain_answer(bytes, *asked);
}

void read_packet(std::string_view bytes) {
  static probes::MarkerScan scan("marker-1", 100);
  const auto packet = probes::packet_in_frame(bytes);
  if (!packet) return;
  if (const auto match = scan.read(1, *packet)) probes::excerpt(*match, "marker-1");
}

void read_greeting(std::string_view bytes, const char* protocol) {
  Starttls talk(protocol);
  while (!bytes.empty() && talk.state() == Starttls::State::talking && talk.wanted() > 0) {
    const std::string_view piece = bytes.substr(0, talk.wanted());
    talk.feed(piece);
    talk.take_to_send();
    bytes.remove_prefix(piece.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      read_response(bytes);
      break;
    case 1:
      read_dns(bytes);
      break;
    case 2:
      read_packet(bytes);
      break;
    case 3:
      read_greeting(bytes, "mysql");
      break;
    case 4:
      read_greeting(bytes, "postgresql");
      break;
    default:
      probes::parse_prometheus_answer(bytes);
  }
  return 0;
}
