#include "probes/http_url.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace {

/// What every complaint begins with.
struct Complainer {
  std::string_view whose;
  std::string_view url;
  [[noreturn]] void complain(const std::string& problem) const {
    throw Error(fmt::format("{}: url '{}'{}", whose, url, problem));
  }
};

bool is_placeholder(std::string_view text) {
  return text.starts_with("{id}") || text.starts_with("{token}");
}

// Bytes that would end the request line or header early, or stand for something else than
// themselves.
void check_printable(std::string_view text, const Complainer& complainer) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool brace = c == '{' || c == '}';
    if (c <= ' ' || c > '~' || c == '#' || c == '"' ||
        (c == '{' && !is_placeholder(text.substr(i))))
      complainer.complain(fmt::format(
          ": '{}' cannot stand there; {}", c,
          brace ? "only {id} and {token} are placeholders" : "write it percent-encoded"));
  }
}

int parse_port(std::string_view text, const Complainer& complainer) {
  int port = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, port);
  if (result.ec != std::errc{} || result.ptr != end || port < 1 || port > 65535)
    complainer.complain(fmt::format(": '{}' is no port (1 to 65535)", text));
  return port;
}

/// Takes the scheme off; tells whether it is https.
bool take_scheme(std::string_view& rest, UrlSchemes schemes, const Complainer& complainer) {
  constexpr std::string_view https = "https://";
  constexpr std::string_view http = "http://";
  const bool tls = rest.starts_with(https);
  if (tls ? schemes == UrlSchemes::http : schemes == UrlSchemes::https || !rest.starts_with(http))
    complainer.complain(fmt::format(" does not begin with {}",
                                    schemes == UrlSchemes::https  ? "https://"
                                    : schemes == UrlSchemes::http ? "http://"
                                                                  : "https:// or http://"));
  rest.remove_prefix(tls ? https.size() : http.size());
  return tls;
}

}  // namespace

HttpUrl parse_http_url(std::string_view whose, std::string_view url, UrlSchemes schemes) {
  const Complainer complainer{whose, url};
  HttpUrl parsed;
  std::string_view rest = url;
  parsed.tls = take_scheme(rest, schemes, complainer);
  const std::size_t path = std::min(rest.find('/'), rest.find('?'));
  const std::string_view authority = rest.substr(0, path);
  rest.remove_prefix(authority.size());
  parsed.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  check_printable(parsed.target, complainer);
  check_printable(authority, complainer);

  std::string_view host = authority;
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) complainer.complain(": ']' is missing");
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (host.empty() || host.find_first_of("{}@") != std::string_view::npos)
    complainer.complain(" has no plain host name");
  if (!port.empty() && !port.starts_with(':'))
    complainer.complain(fmt::format(": '{}' after the host", port));
  parsed.port = !port.empty() ? parse_port(port.substr(1), complainer) : (parsed.tls ? 443 : 80);
  parsed.host = host;
  parsed.authority = authority;
  return parsed;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    encoded += plain ? std::string(1, c)
                     : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return encoded;
}

}  // namespace nospof::probes
