#pragma once
// Whether a service is back for good: under its supervisor, and not about to fail again.

#include <chrono>
#include <optional>
#include <vector>

#include "kinds/fault.hpp"

namespace nospof::faults {

class SteadyService {
 public:
  SteadyService(std::string service, kinds::ServiceManager& services, const Clock& clock)
      : service_(std::move(service)), services_(services), clock_(clock) {}

  /// Confirmed when it has run for 200 ms with the same main process, which is none of `ended`, and
  /// its supervisor would restart it.
  kinds::Confirmation look(const std::vector<ProcessId>& ended);

 private:
  std::string service_;
  kinds::ServiceManager& services_;
  const Clock& clock_;
  std::optional<ProcessId> main_;
  MonoTime since_{};
};

}  // namespace nospof::faults
