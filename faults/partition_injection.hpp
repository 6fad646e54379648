#pragma once
// A partition in force on one host.

#include <memory>

#include "faults/cut.hpp"
#include "kinds/fault.hpp"

namespace nospof::faults {

/// A checked cut for the host that the agent runs on.
class Partition final : public kinds::Fault {
 public:
  explicit Partition(Cut cut) : cut_(std::move(cut)) {}
  /// Tries the kernel's abilities in a network namespace of its own that nothing else is in.
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override;

 private:
  Cut cut_;
};

}  // namespace nospof::faults
