// What servers, programs and the wire say to a probe, and texts of its configuration. The first
// byte chooses who reads the others.

#include <netinet/in.h>

#include "probes/conversations.hpp"
#include "probes/dns_verdict.hpp"
#include "probes/exec_verdict.hpp"
#include "probes/greeting.hpp"
#include "probes/http_response.hpp"
#include "probes/http_url.hpp"
#include "probes/icmp_packet.hpp"
#include "probes/json_field.hpp"
#include "probes/ledger_answers.hpp"
#include "probes/ledger_names.hpp"
#include "probes/marker_scan.hpp"
#include "probes/packet.hpp"
#include "probes/placeholders.hpp"
#include "probes/prometheus_answer.hpp"
#include "system/dns_message.hpp"
#include "system/starttls.hpp"
#include "system/tls_shown.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

using namespace nospof;
using fuzz::must;
using fuzz::try_to;

namespace {

// The first of the pieces that the fuzzed bytes stand for, with a byte of length in front.
std::string_view take_piece(std::string_view& bytes) {
  const std::size_t size = static_cast<unsigned char>(bytes.front());
  const std::string_view piece = bytes.substr(1, size);
  bytes.remove_prefix(1 + piece.size());
  return piece;
}

probes::HttpResponse response_in_pieces(std::string_view bytes, std::size_t of) {
  probes::HttpResponse response;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(of, bytes.size())))
    response.feed(bytes.substr(0, of));
  response.finish();
  return response;
}

void read_response(std::string_view bytes) {
  const probes::HttpResponse pieces = response_in_pieces(bytes, 5);
  const probes::HttpResponse whole =
      response_in_pieces(bytes, std::max<std::size_t>(1, bytes.size()));
  // However the bytes come, the answer is the same.
  must(pieces.state() == whole.state());
  if (whole.state() != probes::HttpResponse::State::complete) return;
  must(pieces.status() == whole.status() && pieces.body() == whole.body() &&
       pieces.reusable() == whole.reusable());
}

void read_dns(std::string_view bytes) {
  static const DnsQuestion question = *parse_dns_query(dns_query(7, "www.nospof.test"));
  parse_dns_answer(bytes, question);
  dns_answer_code(bytes, 7);
  if (const auto asked = parse_dns_query(bytes))
    must(dns_answer_code(nxdomain_answer(bytes, *asked), asked->id).has_value());
  for (const bool over_tcp : {false, true})
    probes::judge_dns_answer(bytes, question, "198.18.0.100", over_tcp);
  probes::DnsStreamReader stream;
  while (!bytes.empty()) stream.feed(take_piece(bytes));
}

void read_packets(std::string_view bytes) {
  probes::MarkerScan scan("marker-1", 3);
  probes::Servers servers(3);
  while (!bytes.empty()) {
    const std::string_view piece = take_piece(bytes);
    probes::packet_in_network_layer(piece, 0x0800);
    probes::packet_in_network_layer(piece, 0x86dd);
    const auto packet = probes::packet_in_frame(piece);
    if (!packet) continue;
    servers.learn(*packet);
    const auto match = scan.read(1, *packet);
    if (!match) continue;
    must(match->text.substr(match->at).starts_with("marker-1"));
    probes::excerpt(*match, "marker-1");
    probes::text_of(servers.conversation(match->flow));
  }
}

void read_starttls(std::string_view bytes, const char* protocol) {
  Starttls talk(protocol);
  while (!bytes.empty() && talk.state() == Starttls::State::talking && talk.wanted() > 0) {
    const std::string_view piece = bytes.substr(0, talk.wanted());
    talk.feed(piece);
    talk.take_to_send();
    bytes.remove_prefix(piece.size());
  }
}

void read_echo(std::string_view packet) {
  static const probes::EchoPayload payloads(1, 2, 56);
  const std::string_view icmp = probes::behind_ip_header(packet);
  for (const std::string_view message : {icmp, packet}) {
    if (const auto reply = probes::parse_echo_reply(message)) payloads.sequence_of(reply->payload);
    probes::quoted_sequence(message);
  }
}

void read_output(std::string_view text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view path = text.substr(0, end);
  const std::string_view output = text.substr(std::min(end + 1, text.size()));
  probes::json_number_at(output, path);
  probes::ExecConfig config;
  config.argv = {"true"};
  config.field = path;
  config.expect = spec::parse_number_tolerance("> 3");
  probes::judge_command(config, 0, std::string(output));
}

void read_pages(std::string_view text) {
  static const probes::LedgerNames names("marker", 7);
  probes::HttpReply reply{{kinds::Outcome::ok, 0}, true, 200, std::string(text)};
  probes::write_answer(reply, 200);
  const auto values = probes::stored_values(reply, 200);
  if (!values) return;
  for (const auto& [id, token] : *values) {
    if (const auto row = names.row_of(token)) must(names.row_token(*row) == token);
    if (const auto value = names.register_value_of(token))
      must(names.register_token(*value) == token);
  }
}

void read_urls(std::string_view text) {
  for (const auto schemes : {probes::UrlSchemes::https, probes::UrlSchemes::either})
    try_to([&] { probes::parse_http_url("fuzz", text, schemes); });
  try_to([&] { probes::parse_prometheus_url("fuzz", text); });
  probes::prometheus_query_target(text);
  probes::is_label_name(text);
  probes::PlaceholderText(text).fill({"id", "token"});
}

void read_series(std::string_view body) {
  const auto series = probes::parse_prometheus_answer(body);
  if (!series) return;
  for (const probes::PrometheusSeries& one : *series) one.label("host");
}

void read_greeting(std::string_view bytes) {
  probes::Greeting greeting("+OK");
  while (!bytes.empty() && !greeting.feed(take_piece(bytes))) greeting.at_deadline();
  greeting.at_end();
}

void read_certificates(std::string_view text) {
  try_to([&] { describe(certificate_of_pem(std::string(text), "fuzzed.pem")); });
  try_to([&] { first_certificate(std::string(text), "fuzzed.pem"); });
}

}  // namespace

namespace nospof::fuzz {

void answers(std::string_view bytes) {
  if (bytes.empty()) return;
  const unsigned reader = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  switch (reader % 16) {
    case 0:
      return read_response(bytes);
    case 1:
      return read_dns(bytes);
    case 2:
      return read_packets(bytes);
    case 3:
      return read_starttls(bytes, "mysql");
    case 4:
      return read_starttls(bytes, "postgresql");
    case 5:
      return read_series(bytes);
    case 6:
      return read_echo(bytes);
    case 7:
      return read_output(bytes);
    case 8:
      return read_pages(bytes);
    case 9:
      return read_urls(bytes);
    case 10:
      return read_greeting(bytes);
    case 11:
      return read_certificates(bytes);
    default:
      return;
  }
}

}  // namespace nospof::fuzz
