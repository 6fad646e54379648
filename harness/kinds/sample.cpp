#include "kinds/sample.hpp"

namespace nospof::kinds {

namespace {
constexpr std::array<std::string_view, outcome_count> names{"ok",
                                                            "slow",
                                                            "connect-refused",
                                                            "connect-timeout",
                                                            "unreachable",
                                                            "reset",
                                                            "timeout",
                                                            "dns",
                                                            "tls-handshake",
                                                            "tls-untrusted",
                                                            "tls-wrong-identity",
                                                            "tls-expired",
                                                            "tls-truncated",
                                                            "http-status",
                                                            "http-malformed",
                                                            "wrong-body",
                                                            "local-error",
                                                            "no-data",
                                                            "command-failed"};
}  // namespace

std::string_view outcome_name(Outcome outcome) {
  return names.at(static_cast<std::size_t>(outcome));
}

std::optional<Outcome> outcome_from_name(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<Outcome>(i);
  return std::nullopt;
}

}  // namespace nospof::kinds
