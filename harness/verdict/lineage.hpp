#pragma once
// Which of the routes that flows allow were used while the stack was whole: before any fault, as
// the probes that look at connections saw it. Pure: no file, no clock.

#include <map>
#include <string>
#include <vector>

#include "verdict/record.hpp"

namespace nospof::verdict {

/// All routes that one flow allows, from a host to a host or a floating address. In the order of
/// their names: "app1 -> db2:3306/tcp".
struct FlowUse {
  std::string flow;  ///< "app -> db:3306/tcp"
  std::vector<std::string> used;
  std::vector<std::string> idle;  ///< not used before any fault; nothing says that they work
};

struct Lineage {
  /// From when the first probe looked until the first fault; of several labs the longest.
  Nanoseconds baseline{};
  std::vector<FlowUse> flows;  ///< in the order of their names
};

/// Takes the labs of a run one after another. A route that was used in one of them was used. Routes
/// from a host at which nobody looked before the first fault are left out; without any flow nothing
/// is known.
class LineageBuilder {
 public:
  /// `run`: as in_lab() gives it.
  void add_lab(const RunRecord& run);
  Lineage finish() const;

 private:
  struct Route {
    std::string flow;
    bool used = false;
  };
  Nanoseconds baseline_{};
  std::map<std::string, Route> routes_;  // by subject
};

}  // namespace nospof::verdict
