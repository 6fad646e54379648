#pragma once
// What the steps of a cell prove: was the fault injected, did it bite, is it gone?

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verdict/record.hpp"

namespace nospof::verdict {

/// One injection and the moment from which on it could bite on its first host.
struct InjectionMark {
  std::string injection;
  std::int64_t at_ns = 0;
};

/// Whether something was measured on every host that was hit.
struct Proof {
  bool holds = false;
  std::string why_not;                  ///< empty when it holds
  std::optional<std::int64_t> last_ns;  ///< time of the last measurement that agreed
};

struct Evidence {
  std::vector<InjectionMark> injections;  ///< in the order of time
  Proof confirmed;
  Proof healed;
  std::int64_t baseline_from_ns = 0;  ///< the last baseline begun before the injection
  bool has_baseline = false;
  std::optional<std::int64_t> injected_ns() const;
};

/// Per injection and host the last word counts. A host that could not tell ("unable") is excused
/// when the witnesses (recorded as host "witnesses") could, of which a connection ended there;
/// nobody is excused who says "not".
Evidence evidence_of(const CellRecord& cell);

/// How far the time of an injection may be off: as the clocks of the hosts on which something was
/// done in the cell.
Nanoseconds injection_clock(const RunRecord& run, const CellRecord& cell, std::int64_t at_ns);

}  // namespace nospof::verdict
