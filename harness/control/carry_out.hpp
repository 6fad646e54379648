#pragma once
// The cells of a proof, in one lab or in several side by side.

#include <vector>

#include "control/campaign.hpp"
#include "control/conductor.hpp"

namespace nospof::control {

struct Proof {
  const RunOptions& options;
  const std::vector<Cell>& cells;
  Nanoseconds budget;
  const kinds::Registry& registry;
  const Clock& clock;
  Watcher& watcher;    ///< labs take turns to call it
  Recorder& recorder;  ///< of the run as a whole
};

/// Each lab has a thread with all that is connected to it, and takes the next cells when it is done
/// with some; labs share nothing but that list and the record. What was carried out beside other
/// labs and is not decided by it, and what a lab that failed left undone, is then tried again in
/// one lab alone, as is everything when options.labs is 1.
LabEnd carry_out(const Proof& proof);

}  // namespace nospof::control
