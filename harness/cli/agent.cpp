#include "agent/agent.hpp"

#include "cli/verbs.hpp"
#include "hosts/transport.hpp"

namespace nospof::cli {

int agent_command(const AgentArguments& arguments, const kinds::Registry& registry) {
  agent::AgentOptions options;
  options.host = arguments.host;
  options.journal = arguments.journal;
  options.runit_folder = arguments.runit_folder;
  options.cgroup_folder = arguments.cgroup_folder;
  options.data_folder = arguments.data_folder;
  if (!arguments.power_lab.empty())
    options.power = [lab = arguments.power_lab] { return hosts::lab_power(lab); };
  if (arguments.status) return agent::run_status(options);
  return arguments.recover ? agent::run_recover(options) : agent::run_agent(options, registry);
}

}  // namespace nospof::cli
