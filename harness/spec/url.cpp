#include "spec/url.hpp"

#include <algorithm>
#include <charconv>

namespace nospof::spec {

std::optional<HttpsUrl> parse_https_url(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme)) return std::nullopt;
  url.remove_prefix(scheme.size());
  const auto allowed = [](char letter) {
    return letter > ' ' && letter < 0x7f &&
           std::string_view("\"<>\\^`|#").find(letter) == std::string_view::npos;
  };
  if (!std::ranges::all_of(url, allowed)) return std::nullopt;
  const std::string_view authority = url.substr(0, url.find_first_of("/?"));
  const std::size_t colon = authority.find(':');
  HttpsUrl result{std::string(authority.substr(0, colon))};
  if (result.host.empty() || result.host.find_first_of("@[]{}") != std::string::npos) {
    return std::nullopt;
  }
  if (colon == std::string_view::npos) return result;
  const std::string_view port = authority.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
  const bool whole = error == std::errc{} && end == port.data() + port.size();
  if (!whole || result.port < 1 || result.port > 65535) return std::nullopt;
  return result;
}

std::string unknown_placeholder(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '}') return "}";
    if (text[i] != '{') continue;
    const std::size_t end = text.find('}', i);
    if (end == std::string_view::npos) return std::string(text.substr(i));
    const std::string_view name = text.substr(i + 1, end - i - 1);
    if (name != "id" && name != "token") return std::string(text.substr(i, end - i + 1));
    i = end;
  }
  return {};
}

}  // namespace nospof::spec
