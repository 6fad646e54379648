#pragma once
// bandwidth: a host's link carries no more than so many bits per second.

#include <memory>

#include "faults/shaping.hpp"
#include "kinds/fault.hpp"
#include "spec/units.hpp"

namespace nospof::faults {

struct TokenBucket {
  spec::Bandwidth rate;
  std::uint32_t burst = 0;  ///< bytes that may leave at once
  std::uint32_t limit = 0;  ///< bytes that may wait
};

/// sch_tbf with these settings, as the kernel wants to be told.
ShapingQdisc tbf_qdisc(const TokenBucket& bucket);

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_bandwidth();

}  // namespace nospof::faults
