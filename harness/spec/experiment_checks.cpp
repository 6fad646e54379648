// What the faults of an experiment must satisfy together.

#include <algorithm>
#include <set>

#include "spec/experiment_table.hpp"

namespace nospof::spec {

namespace {

using namespace std::chrono_literals;

constexpr Duration longest_experiment = 1h;

const Node* fault_node(const Node& root, std::size_t index) {
  const Node* faults = root.find("faults");
  if (faults == nullptr || index >= faults->values.size()) return nullptr;
  return &faults->values[index];
}

Mark place(const Node& root, std::size_t index, std::string_view key) {
  const Node* node = fault_node(root, index);
  return node == nullptr ? root.mark : node->mark_of(key);
}

std::string made_id(const FaultSpec& fault) {
  std::string id = fault.kind;
  for (const std::string& target : fault.targets) id += "-" + target;
  if (!fault.service.empty()) id += "-" + fault.service;
  return id;
}

/// Names those without an id after kind and target; a number tells equal ones apart.
void check_ids(Context& context, const Node& root, Experiment& experiment) {
  std::set<std::string> taken;
  for (std::size_t i = 0; i < experiment.faults.size(); ++i) {
    const std::string& id = experiment.faults[i].id;
    if (id.empty() || taken.insert(id).second) continue;
    context.problem(place(root, i, "id"),
                    fmt::format("fault {}: the id {} is taken", i + 1, quote(id)));
  }
  for (FaultSpec& fault : experiment.faults) {
    if (!fault.id.empty()) continue;
    const std::string base = made_id(fault);
    std::string id = base;
    for (int number = 2; !taken.insert(id).second; ++number)
      id = fmt::format("{}-{}", base, number);
    fault.id = id;
  }
}

/// What a fault hits for sure, and the roles whose holder is known only at run time.
struct Reach {
  std::set<std::string> hosts;
  std::set<std::string> roles;
};

Reach reach_of(const Topology& topology, const FaultSpec& fault) {
  Reach reach;
  for (const std::string& target : fault.targets) {
    if (const Tier* tier = topology.find_tier(target)) {
      reach.hosts.insert(tier->hosts.begin(), tier->hosts.end());
    } else if (topology.find_role(target) != nullptr) {
      reach.roles.insert(target);
    } else {
      reach.hosts.insert(target);
    }
  }
  return reach;
}

/// Something that both hit whoever has which role; empty: nothing.
std::string meeting_point(const Topology& topology, const Reach& left, const Reach& right) {
  for (const std::string& host : left.hosts) {
    if (right.hosts.contains(host)) return host;
  }
  for (const std::string& role : left.roles) {
    if (right.roles.contains(role)) return role;
  }
  const auto covered = [&](const Reach& roles, const Reach& hosts) -> std::string {
    for (const std::string& name : roles.roles) {
      const Role* role = topology.find_role(name);
      const auto hit = [&](const std::string& host) { return hosts.hosts.contains(host); };
      if (role != nullptr && std::ranges::all_of(role->among, hit)) return name;
    }
    return {};
  };
  const std::string first = covered(left, right);
  return first.empty() ? covered(right, left) : first;
}

void check_overlaps(Context& context, const Experiment& experiment) {
  const Topology& topology = *context.known;
  for (std::size_t i = 0; i < experiment.faults.size(); ++i) {
    const FaultSpec& later = experiment.faults[i];
    if (later.kind.empty()) continue;
    const Reach reach = reach_of(topology, later);
    for (std::size_t j = 0; j < i; ++j) {
      const FaultSpec& earlier = experiment.faults[j];
      if (earlier.kind != later.kind || earlier.service != later.service) continue;
      const bool apart =
          earlier.at + earlier.duration <= later.at || later.at + later.duration <= earlier.at;
      if (apart) continue;
      const std::string both = meeting_point(topology, reach_of(topology, earlier), reach);
      if (both.empty()) continue;
      context.problem(later.mark,
                      fmt::format("fault {}: overlaps in time with fault {} (line {}): both "
                                  "are {} on {}",
                                  i + 1, j + 1, earlier.mark.line, later.kind, both));
      break;
    }
  }
}

void check_length(Context& context, const Node& root, const Experiment& experiment) {
  for (std::size_t i = 0; i < experiment.faults.size(); ++i) {
    const FaultSpec& fault = experiment.faults[i];
    const Duration end = experiment.baseline + fault.at + fault.duration;
    if (end <= longest_experiment) continue;
    context.problem(
        place(root, i, "duration"),
        fmt::format("fault {}: ends {} after the start of the experiment, which may last "
                    "at most {}",
                    i + 1, format_duration(end), format_duration(longest_experiment)));
  }
}

}  // namespace

void check_experiment(Context& context, const Node& root, Experiment& experiment) {
  check_ids(context, root, experiment);
  if (context.known != nullptr) check_overlaps(context, experiment);
  check_length(context, root, experiment);
}

}  // namespace nospof::spec
