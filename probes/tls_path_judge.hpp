#pragma once
// What the looks of the tls-path probe prove; pure functions.

#include <string>
#include <vector>

#include "probes/tls_path_config.hpp"
#include "system/clock.hpp"
#include "system/tls_shown.hpp"

namespace nospof::probes {

/// What can be found about a target.
enum class TlsFinding {
  untrusted,
  wrong_identity,
  expired,
  expires_soon,
  other_key,
  weak_protocol,
  weak_cipher,
  no_client_certificate_demanded,
  renegotiation,
  truncated,
  absent,
};
inline constexpr std::size_t tls_finding_count = 11;

/// "tls-untrusted", as in findings.
const char* tls_finding_name(TlsFinding finding);
/// May never be so, whatever is broken.
bool is_violation(TlsFinding finding);

/// Whether it is so, as a conclusive look has shown.
struct TlsJudgement {
  TlsFinding finding = TlsFinding::untrusted;
  bool so = false;
  std::string detail;
};

// Of each look: what is proven about the target. Nothing: the look was undecided.

/// The handshake that offers everything, perhaps with an answer. That the protocol is in order it
/// can't prove, as a server may take a better and a worse one.
std::vector<TlsJudgement> judge_handshake(const TlsPathTarget& target, const TlsShown& shown,
                                          WallTime now);
/// The same without the own certificate, after a handshake with it.
std::vector<TlsJudgement> judge_without_certificate(const TlsPathTarget& target,
                                                    const TlsShown& shown);
/// The offer of nothing but weak protocols, after a handshake with strong ones.
std::vector<TlsJudgement> judge_weak_offer(const TlsPathTarget& target, const TlsShown& shown);
/// The renegotiation.
std::vector<TlsJudgement> judge_renegotiation(const TlsShown& shown);

/// Whether an answer of HTTP says that it is for want of a client's certificate.
bool refuses_for_certificate(std::string_view answer);

}  // namespace nospof::probes
