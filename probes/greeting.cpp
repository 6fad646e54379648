#include "probes/greeting.hpp"

namespace nospof::probes {

std::optional<bool> Greeting::feed(std::string_view bytes) {
  said_ += bytes.substr(0, size_limit - said_.size());
  if (said_.find(expected_) != std::string::npos) return true;
  if (said_.size() == size_limit) return false;
  return std::nullopt;
}

Failure Greeting::at_end() const {
  return said_.empty() ? early_end_failure(true, false) : Failure{kinds::Outcome::wrong_body, 0};
}

Failure Greeting::at_deadline() const {
  return said_.empty() ? deadline_failure(true) : Failure{kinds::Outcome::wrong_body, 0};
}

}  // namespace nospof::probes
