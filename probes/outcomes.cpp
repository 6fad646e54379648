#include "probes/outcomes.hpp"

#include <cerrno>

#include <openssl/x509_vfy.h>

namespace nospof::probes {

using kinds::Outcome;

namespace {
bool is_unreachable(int error_number) {
  switch (error_number) {
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENONET:
    case EACCES:  // a "prohibit" route
    case EPROTO:
    case ENOPROTOOPT:  // ICMP protocol unreachable
      return true;
    default:
      return false;
  }
}
Failure with_errno(Outcome outcome, int error_number) {
  return {outcome, static_cast<std::uint16_t>(error_number)};
}
}  // namespace

Failure connect_failure(int error_number) {
  if (is_unreachable(error_number)) return with_errno(Outcome::unreachable, error_number);
  switch (error_number) {
    case ECONNREFUSED:
      return with_errno(Outcome::connect_refused, error_number);
    case ETIMEDOUT:
      return with_errno(Outcome::connect_timeout, error_number);
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return with_errno(Outcome::reset, error_number);
    default:  // no ports, descriptors or memory left, or not permitted: nothing was sent
      return with_errno(Outcome::local_error, error_number);
  }
}

Failure stream_failure(int error_number) {
  if (is_unreachable(error_number)) return with_errno(Outcome::unreachable, error_number);
  switch (error_number) {
    case ECONNRESET:
    case ECONNABORTED:
    case ECONNREFUSED:
    case EPIPE:
      return with_errno(Outcome::reset, error_number);
    case ETIMEDOUT:
      return with_errno(Outcome::timeout, error_number);
    default:
      return with_errno(Outcome::local_error, error_number);
  }
}

Failure verify_failure(long verify_code) {
  const auto detail = static_cast<std::uint16_t>(verify_code);
  switch (verify_code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {Outcome::tls_wrong_identity, detail};
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {Outcome::tls_expired, detail};
    default:
      return {Outcome::tls_untrusted, detail};
  }
}

Failure deadline_failure(bool connected) {
  return {connected ? Outcome::timeout : Outcome::connect_timeout, 0};
}

Failure early_end_failure(bool close_notify, bool answer_begun) {
  return {close_notify || !answer_begun ? Outcome::reset : Outcome::tls_truncated, 0};
}

}  // namespace nospof::probes
