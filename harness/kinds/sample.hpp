#pragma once
// One timed outcome of a probe: what is measured, and what everything else is drawn from.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nospof::kinds {

/// Every outcome has exactly one class. Only `ok` counts as served; the numbers are part of the
/// file format.
enum class Outcome : std::uint8_t {
  ok = 0,
  slow = 1,  ///< right answer, but later than the workload's `slow`
  connect_refused = 2,
  connect_timeout = 3,
  unreachable = 4,  ///< no route, host or network unreachable
  reset = 5,        ///< reset or closed before a whole answer
  timeout = 6,      ///< connected, but no whole answer in time
  dns = 7,
  tls_handshake = 8,
  tls_untrusted = 9,
  tls_wrong_identity = 10,
  tls_expired = 11,    ///< or not yet valid
  tls_truncated = 12,  ///< the stream ended without close_notify before the answer was whole
  http_status = 13,
  http_malformed = 14,
  wrong_body = 15,
  local_error = 16,  ///< the prober itself could not try (no sockets left, too many in flight): not
                     ///< the stack's fault
  no_data = 17,      ///< a good answer without the value that is to be compared
  command_failed = 18,  ///< a command ended with another exit code than it should
};
inline constexpr std::size_t outcome_count = 19;

/// "connect-refused", as in reports.
std::string_view outcome_name(Outcome outcome);
std::optional<Outcome> outcome_from_name(std::string_view name);

/// Times are CLOCK_MONOTONIC nanoseconds of the vantage host.
struct Sample {
  std::uint64_t sequence = 0;
  std::int64_t scheduled_ns = 0;  ///< when it was due; latency counts from here
  std::int64_t started_ns = 0;    ///< when it was really begun
  std::int64_t finished_ns = 0;
  Outcome outcome = Outcome::ok;
  std::uint16_t detail = 0;  ///< HTTP status, errno, X509 verify code, exit code, ...
};

}  // namespace nospof::kinds
