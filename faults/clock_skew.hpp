#pragma once
// clock-skew: known by name, and refused: see the reason in its source and in docs/faults.md.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_clock_skew();

}  // namespace nospof::faults
