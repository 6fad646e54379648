#include "probes/tls_path_judge.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/x509_vfy.h>

namespace nospof::probes {

namespace {

struct Named {
  TlsFinding finding;
  const char* name;
  bool violation;
};

constexpr std::array<Named, tls_finding_count> named{{
    {TlsFinding::untrusted, "tls-untrusted", true},
    {TlsFinding::wrong_identity, "tls-wrong-identity", true},
    {TlsFinding::expired, "tls-expired", true},
    {TlsFinding::expires_soon, "tls-expires-soon", false},
    {TlsFinding::other_key, "tls-other-key", true},
    {TlsFinding::weak_protocol, "tls-weak-protocol", true},
    {TlsFinding::weak_cipher, "tls-weak-cipher", true},
    {TlsFinding::no_client_certificate_demanded, "tls-no-client-certificate-demanded", true},
    {TlsFinding::renegotiation, "tls-renegotiation", true},
    {TlsFinding::truncated, "tls-truncated", false},
    {TlsFinding::absent, "tls-absent", true},
}};

const Named& entry_of(TlsFinding finding) {
  return named.at(static_cast<std::size_t>(finding));
}

bool is_identity_problem(long problem) {
  return problem == X509_V_ERR_HOSTNAME_MISMATCH || problem == X509_V_ERR_IP_ADDRESS_MISMATCH ||
         problem == X509_V_ERR_EMAIL_MISMATCH;
}
bool is_validity_problem(long problem) {
  return problem == X509_V_ERR_CERT_HAS_EXPIRED || problem == X509_V_ERR_CERT_NOT_YET_VALID;
}

/// What is wrong of one class, in OpenSSL's words; empty: nothing.
template <typename Belongs>
std::string problems_text(const TlsShown& shown, Belongs belongs) {
  std::vector<std::string> words;
  for (const long problem : shown.problems) {
    if (!belongs(problem)) continue;
    std::string word = X509_verify_cert_error_string(problem);
    if (std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

std::string key_detail(const TlsPathTarget& target, const TlsShown& shown) {
  return fmt::format("CN={} with the public key {}, expected {}", shown.subject, shown.key,
                     fmt::join(target.expect_keys, " or "));
}

std::string validity_text(const TlsShown& shown) {
  return fmt::format("CN={}; its chain is valid from {} until {}", shown.subject,
                     utc_text(shown.valid_from), utc_text(shown.valid_until));
}

void judge_certificate(const TlsPathTarget& target, const TlsShown& shown, WallTime now,
                       std::vector<TlsJudgement>& judgements) {
  const auto judge = [&](TlsFinding finding, bool so, std::string detail) {
    judgements.push_back({finding, so, std::move(detail)});
  };
  const std::string untrusted = problems_text(shown, [](long problem) {
    return !is_identity_problem(problem) && !is_validity_problem(problem);
  });
  const std::string other_name = problems_text(shown, is_identity_problem);
  const std::string invalid = problems_text(shown, is_validity_problem);
  judge(TlsFinding::untrusted, !untrusted.empty(),
        fmt::format("CN={}, {} sent: {}", shown.subject, shown.chain,
                    untrusted.empty() ? "trusted" : untrusted));
  judge(TlsFinding::wrong_identity, !other_name.empty(),
        other_name.empty()
            ? fmt::format("{} is in the certificate", target.identity)
            : fmt::format("CN={}: {}, expected {}", shown.subject, other_name, target.identity));
  judge(TlsFinding::expired, !invalid.empty(),
        fmt::format("{}: {}", validity_text(shown), invalid.empty() ? "in force" : invalid));
  const bool soon = invalid.empty() && shown.valid_until < now + target.valid_for;
  judge(TlsFinding::expires_soon, soon, validity_text(shown));
  if (target.expect_keys.empty()) return;
  const bool expected =
      std::ranges::find(target.expect_keys, shown.key) != target.expect_keys.end();
  judge(TlsFinding::other_key, !expected, key_detail(target, shown));
}

}  // namespace

const char* tls_finding_name(TlsFinding finding) {
  return entry_of(finding).name;
}
bool is_violation(TlsFinding finding) {
  return entry_of(finding).violation;
}

std::vector<TlsJudgement> judge_handshake(const TlsPathTarget& target, const TlsShown& shown,
                                          WallTime now) {
  std::vector<TlsJudgement> judgements;
  if (shown.handshake == TlsHandshake::no_tls) return {{TlsFinding::absent, true, shown.failure}};
  const bool whole = shown.handshake == TlsHandshake::whole;
  if (!whole && !shown.certificate) return {};
  judgements.push_back({TlsFinding::absent, false, "the server speaks TLS"});
  if (shown.certificate) judge_certificate(target, shown, now, judgements);
  if (!whole) return judgements;
  if (shown.protocol < target.min_protocol)
    judgements.push_back({TlsFinding::weak_protocol, true,
                          fmt::format("{} was agreed on, {} is expected at least", shown.protocol,
                                      target.min_protocol)});
  judgements.push_back({TlsFinding::weak_cipher, !shown.weakness.empty(),
                        fmt::format("{}, {}: {}", shown.protocol, shown.cipher,
                                    shown.weakness.empty() ? "strong" : shown.weakness)});
  if (!shown.answer.empty() && shown.stream != TlsStream::open)
    judgements.push_back(
        {TlsFinding::truncated, shown.stream == TlsStream::truncated,
         fmt::format("after {} bytes of an answer the stream ended {}", shown.answer.size(),
                     shown.stream == TlsStream::truncated ? "without close_notify" : "in order")});
  return judgements;
}

bool refuses_for_certificate(std::string_view answer) {
  constexpr std::string_view start = "HTTP/1.";
  if (!answer.starts_with(start) || answer.size() < 12) return false;
  const std::string_view status = answer.substr(9, 3);
  if (status == "401" || status == "403" || status == "495" || status == "496") return true;
  return status == "400" && answer.find("certificate") != std::string_view::npos;
}

std::vector<TlsJudgement> judge_without_certificate(const TlsPathTarget& target,
                                                    const TlsShown& shown) {
  constexpr TlsFinding finding = TlsFinding::no_client_certificate_demanded;
  const bool asked_for = shown.certificate_wanted;
  switch (shown.handshake) {
    case TlsHandshake::refused:
      return {{finding, false, "refused: " + shown.failure}};
    case TlsHandshake::cut:
      if (!asked_for) return {};
      return {{finding, false, "the server asked for a certificate and ended the connection"}};
    case TlsHandshake::not_connected:
    case TlsHandshake::no_answer:
    case TlsHandshake::no_tls:
    case TlsHandshake::broken:
      return {};
    case TlsHandshake::whole:
      break;
  }
  if (!asked_for) return {{finding, true, "the server goes on without asking for a certificate"}};
  if (!target.ask_http)
    return {{finding, false, "the server asks for a certificate; what follows is not looked at"}};
  if (!shown.answer.empty()) {
    const std::string line =
        shown.answer.substr(0, std::min<std::size_t>(shown.answer.find_first_of("\r\n"), 60));
    return {{finding, !refuses_for_certificate(shown.answer),
             fmt::format("asked for a certificate, got none, and answered '{}'", line)}};
  }
  if (shown.stream == TlsStream::open) return {};
  return {{finding, false, "the server asked for a certificate and ended the connection"}};
}

std::vector<TlsJudgement> judge_weak_offer(const TlsPathTarget& target, const TlsShown& shown) {
  constexpr TlsFinding finding = TlsFinding::weak_protocol;
  if (shown.handshake == TlsHandshake::whole || shown.certificate)
    return {{finding, true,
             fmt::format("a client that offers nothing better gets {}, {} is expected at least",
                         shown.protocol.empty() ? "a certificate" : shown.protocol,
                         target.min_protocol)}};
  if (shown.handshake == TlsHandshake::refused || shown.handshake == TlsHandshake::cut)
    return {{finding, false, fmt::format("less than {} is refused", target.min_protocol)}};
  return {};
}

std::vector<TlsJudgement> judge_renegotiation(const TlsShown& shown) {
  constexpr TlsFinding finding = TlsFinding::renegotiation;
  switch (shown.handshake) {
    case TlsHandshake::whole:
      if (shown.late) return {};
      return {{finding, shown.renegotiated,
               fmt::format("{}: {}", shown.protocol,
                           shown.renegotiated ? "a second handshake on the connection was whole"
                                              : "there is no second handshake")}};
    case TlsHandshake::refused:
      return {{finding, false, "refused: " + shown.failure}};
    case TlsHandshake::cut:
    case TlsHandshake::not_connected:
    case TlsHandshake::no_answer:
    case TlsHandshake::no_tls:
    case TlsHandshake::broken:
      return {};
  }
  return {};
}

}  // namespace nospof::probes
