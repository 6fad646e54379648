#pragma once
// What faults and undo records may use in one process: made anew in agent, understudy and recover,
// because connections do not survive a fork.

#include <memory>

#include "agent/agent.hpp"
#include "system/clock.hpp"

namespace nospof::agent {

class Environment {
 public:
  explicit Environment(const AgentOptions& options);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  kinds::HostEnv& env() { return env_; }
  const Clock& clock() const { return clock_; }

 private:
  SystemClock clock_;
  std::unique_ptr<kinds::ServiceManager> services_;
  std::unique_ptr<kinds::HostPower> power_;
  kinds::HostEnv env_;
};

}  // namespace nospof::agent
