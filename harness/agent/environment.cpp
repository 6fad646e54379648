#include "agent/environment.hpp"

#include "agent/services.hpp"

namespace nospof::agent {

Environment::Environment(const AgentOptions& options) {
  if (!options.runit_folder.empty())
    services_ = runit_services(options.runit_folder, options.cgroup_folder);
  if (options.power) power_ = options.power();
  env_.host = options.host;
  env_.services = services_.get();
  env_.power = power_.get();
  env_.clock = &clock_;
  env_.cgroup = options.cgroup_folder;
  env_.data_folder = options.data_folder;
}

}  // namespace nospof::agent
