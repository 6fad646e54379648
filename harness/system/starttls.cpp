#include "system/starttls.hpp"

#include <utility>

#include "system/check.hpp"

namespace nospof {

namespace {

// MySQL: each packet begins with three bytes of length and a number.
constexpr std::size_t mysql_head = 4;
// Far above any greeting: something else says more than this, or claims to.
constexpr std::size_t largest_greeting = 1024;
// Low half of the capabilities, in a greeting of protocol 10.
constexpr unsigned client_ssl = 0x0800;

// MySQL's SSLRequest: protocol 4.1, TLS, secure passwords; 16 MB packets; utf8mb4.
std::string mysql_request() {
  std::string request("\x20\x00\x00\x01\x00\x8a\x00\x00\x00\x00\x00\x01\x2d", 13);
  request.append(23, '\0');
  return request;
}
std::string postgresql_request() {
  return {"\x00\x00\x00\x08\x04\xd2\x16\x2f", 8};
}

unsigned byte_at(const std::string& text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace

Starttls::Starttls(const std::string& protocol) : mysql_(protocol == "mysql") {
  if (protocol.empty()) {
    state_ = State::ready;
  } else if (mysql_) {
    wanted_ = mysql_head + 1;
  } else if (protocol == "postgresql") {
    wanted_ = 1;
    to_send_ = postgresql_request();
  } else {
    throw Error("TLS begins in no way that is known on a connection of '" + protocol + "'");
  }
}

void Starttls::feed(std::string_view bytes) {
  heard_ += bytes;
  if (state_ != State::talking || heard_.size() < wanted_) return;
  mysql_ ? hear_mysql() : hear_postgresql();
}

std::string Starttls::take_to_send() {
  return std::exchange(to_send_, {});
}

void Starttls::hear_postgresql() {
  // 'E' begins the error of a server that is starting up or has no room.
  state_ = heard_ == "S" ? State::ready : heard_ == "E" ? State::turned_away : State::not_offered;
}

void Starttls::hear_mysql() {
  const std::size_t length = byte_at(heard_, 0) | byte_at(heard_, 1) << 8U;
  const unsigned protocol = byte_at(heard_, mysql_head);
  if (byte_at(heard_, 2) != 0 || byte_at(heard_, 3) != 0 || length > largest_greeting ||
      (protocol != 10 && protocol != 0xff)) {
    state_ = State::not_offered;
    return;
  }
  if (protocol == 0xff) {
    state_ = State::turned_away;
    return;
  }
  wanted_ = mysql_head + length;
  if (heard_.size() < wanted_) return;
  // The protocol, the version's text, the connection's number, 8 bytes of salt and a filler.
  const std::size_t end_of_version = heard_.find('\0', mysql_head + 1);
  const std::size_t capabilities = end_of_version + 1 + 4 + 8 + 1;
  if (end_of_version == std::string::npos || capabilities + 2 > heard_.size()) {
    state_ = State::not_offered;
    return;
  }
  const unsigned offered = byte_at(heard_, capabilities) | byte_at(heard_, capabilities + 1) << 8U;
  state_ = (offered & client_ssl) != 0 ? State::ready : State::not_offered;
  if (state_ == State::ready) to_send_ = mysql_request();
}

}  // namespace nospof
