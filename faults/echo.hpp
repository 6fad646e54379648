#pragma once
// Traffic of a fault's own that its effect can be seen on: small, and such that the fault's scope
// takes it.

#include <memory>
#include <string>

#include "faults/netem_scope.hpp"
#include "system/clock.hpp"

namespace nospof::faults {

/// Asks neighbours again and again and notes how long their answers take. Never waits.
class Echo {
 public:
  virtual ~Echo() = default;
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  /// Takes what has come in, and asks again those that have answered or had their time for it.
  virtual void turn() = 0;
  /// Whether a neighbour has answered.
  virtual bool timed() const = 0;
  /// Whether nobody has answered, but somebody still may.
  virtual bool waiting() const = 0;
  /// The longest that an answer has taken.
  virtual Nanoseconds slowest() const = 0;
  /// "3 answers to 5 ARP requests, after 101 ms to 105 ms"; empty when nobody was asked.
  virtual std::string text() const = 0;

 protected:
  Echo() = default;
};

/// For a scope that narrows nothing ARP, which no firewall of the host's own sees; for one of ICMP
/// or of hosts echo requests; otherwise TCP connections to the scope's first port, or UDP
/// datagrams. `patience` is how long an answer may take before the neighbour is asked again.
std::unique_ptr<Echo> make_echo(const NetemScope& scope, Nanoseconds patience, const Clock& clock);

}  // namespace nospof::faults
