#pragma once
// What looks at a floating address see, one after the other, as findings on changes.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kinds/finding.hpp"
#include "system/arp.hpp"

namespace nospof::probes {

/// One look, in CLOCK_MONOTONIC nanoseconds.
struct Look {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

/// Something of which one state at a time is true.
class StateFindings {
 public:
  explicit StateFindings(std::string subject) : subject_(std::move(subject)) {}

  struct State {
    std::string what;   ///< empty: nothing to tell while it lasts
    std::string which;  ///< another one is another state
    std::string detail;
  };
  /// Looks come in the order of their ends. Returns the end of the former state and the beginning
  /// of this one when they differ.
  std::vector<kinds::Finding> seen(const State& state, Look look);

 private:
  std::string subject_;
  std::optional<State> state_;  ///< nothing before the first look
  std::int64_t seen_so_ns_ = 0;
};

/// The states of the view "own": on which devices the address is.
StateFindings::State state_of_holder(const std::set<std::string>& devices);
/// The states of the view "link": who answered.
StateFindings::State state_of_link(const std::set<MacAddress>& owners);

}  // namespace nospof::probes
