#pragma once
// Which class of outcome a failure belongs to; pure functions, one place.

#include "kinds/sample.hpp"

namespace nospof::probes {

/// Why a request was not answered rightly.
struct Failure {
  kinds::Outcome outcome = kinds::Outcome::local_error;
  std::uint16_t detail = 0;
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// What the kernel said to socket() or connect(): detail is the errno.
Failure connect_failure(int error_number);
/// What the kernel said on an established connection: detail is the errno.
Failure stream_failure(int error_number);
/// An X509_V_ERR_* code: tls-wrong-identity, tls-expired, or tls-untrusted for everything else.
Failure verify_failure(long verify_code);
/// Our own deadline passed; `connected` tells whether the connection was open by then. Detail 0.
Failure deadline_failure(bool connected);
/// The peer ended the stream before the whole answer was there.
/// With `close_notify` or before the first byte of the answer it is a reset; otherwise the answer
/// was cut off in a way that TLS exists to detect: tls-truncated.
Failure early_end_failure(bool close_notify, bool answer_begun);

}  // namespace nospof::probes
