#pragma once
// Two hosts on one cable, faults driven on the first as an agent drives them, and packets measured
// on their way.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kinds/fault.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"
#include "tests/support/netem_expectations.hpp"

namespace nospof::test {

/// Which packets are sent, and how fast.
struct Flow {
  std::size_t packets = 500;
  Nanoseconds apart{0};  ///< 0: as fast as they can be read again
  std::size_t bytes = 64;
  std::uint16_t port = 5000;
  bool to_first = false;       ///< from the second host to the first
  bool other_address = false;  ///< to the second host's second address
  /// How long is waited for what has not come yet.
  Nanoseconds patience = std::chrono::milliseconds(1500);
};

/// The fault in force, as an agent holds it.
class RunningFault {
 public:
  RunningFault(int network_namespace, std::unique_ptr<kinds::Fault> fault);
  void inject();
  /// Asked until it is confirmed, for at most five seconds.
  kinds::Confirmation confirm();
  /// Lets go of it and executes the records; what each said.
  std::vector<std::string> heal();
  kinds::Confirmation confirm_healed();
  std::vector<kinds::UndoRecord> records() const { return injection_->undo(); }

 private:
  int namespace_;
  std::unique_ptr<kinds::Injection> injection_;
};

/// a (198.18.0.1) and b (198.18.0.2 and .3), joined by eth0 on both sides.
class NetemPair {
 public:
  NetemPair();
  static constexpr const char* first_address = "198.18.0.1";
  static constexpr const char* second_address = "198.18.0.2";
  static constexpr const char* other_address = "198.18.0.3";

  int first() const { return first_.get(); }
  int second() const { return second_.get(); }

  /// Both hosts, and "c" for the second one's second address.
  kinds::StackView stack() const;

  /// Plans the fault for host a and prepares it there. Throws what they throw.
  RunningFault fault(const kinds::FaultKind& kind, const spec::Parameters& parameters) const;

  NetemTrace measure(const Flow& flow) const;

  /// What a program prints when it is run on host a.
  std::string run(const std::vector<std::string>& command) const;
  /// Everything that tc, ip and nft could show a difference in, without counters.
  std::string state() const;

 private:
  UniqueFd first_, second_;
};

/// Executes records in a namespace, the last one first, as whoever has to heal does it.
std::vector<std::string> execute_records(int network_namespace,
                                         const std::vector<kinds::UndoRecord>& records);

/// Injects the fault in a process of its own, which is then killed. Returns its records, which it
/// gave away before it injected anything.
std::vector<kinds::UndoRecord> inject_and_die(const NetemPair& pair, const kinds::FaultKind& kind,
                                              const spec::Parameters& parameters);

}  // namespace nospof::test
