#pragma once
// Compares the clocks of hosts with this machine's, and keeps the readings of a run.

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "control/recorder.hpp"
#include "system/clock.hpp"
#include "system/clock_identity.hpp"
#include "verdict/clocks.hpp"

namespace nospof::control {

namespace asio = boost::asio;

/// Readings are recorded as they are taken (event `clock`), so that a report knows all that is
/// known here.
class ClockBook {
 public:
  /// Asks a process on the host for {"mono_ns","boot_id","time_namespace"}; may throw.
  using Ask = std::function<asio::awaitable<json::object>(std::chrono::milliseconds within)>;

  /// `own`: whose clock `clock` is.
  ClockBook(Recorder& recorder, const Clock& clock, ClockIdentity own = own_clock());

  /// Asks once, and if it is not this machine's own clock some more times; the answer with the
  /// shortest round trip is the one that is kept. `of`: which process, "agent" or "prober". A host
  /// that does not answer leaves no reading; a run that has none of a host is no pass.
  asio::awaitable<void> read(std::string host, std::string of, Ask ask);

  /// Whether all readings of it said that it is this machine's own clock; false without any.
  bool is_own(const std::string& host) const;
  /// A time of a host's clock on this machine's, as the readings so far have it.
  std::int64_t to_own(const std::string& host, std::int64_t host_ns) const;

 private:
  Recorder& recorder_;
  const Clock& clock_;
  const ClockIdentity own_;
  std::vector<verdict::ClockReading> readings_;
  verdict::HostClocks clocks_;
};

}  // namespace nospof::control
