#include "analysis/stack_model.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "analysis/user_path.hpp"
#include "system/check.hpp"

namespace nospof::analysis {

namespace {

using Item = TreeBuilder::Item;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// A tier that a function names but that requests do not reach by flows: asked at every port.
PathTier path_tier(const spec::Topology& topology, const std::vector<PathTier>& path,
                   const spec::Tier& tier) {
  if (const PathTier* known = find_tier(path, tier.name)) return *known;
  PathTier all{&tier, {}};
  for (const std::string& host : tier.hosts)
    for (const std::string& name : topology.find_host(host)->services)
      if (const spec::Service* service = topology.find_service(name))
        for (const std::string& listens : service->listens) all.reached[listens].insert(host);
  return all;
}

class Compiler {
 public:
  Compiler(const spec::Topology& topology, const spec::UserFunction& function, Scope scope)
      : topology_(topology),
        function_(function),
        scope_(scope),
        path_(user_path(topology)),
        builder_(fmt::format("{}: {}", topology.name, function.name), topology.file) {}

  StackModel compile() {
    std::vector<Item> causes;
    for (const std::string& name : function_.tiers) {
      const spec::Tier& tier = *topology_.find_tier(name);
      causes.push_back(tier_fails(tier));
      if (const auto ways = only_ways_in(path_, tier); !ways.empty())
        causes.push_back(nobody_gets_into(tier, ways));
    }
    for (const spec::Vip& vip : topology_.vips)
      if (is_used(vip)) causes.push_back(vip_fails(vip));
    add_common_causes();
    builder_.top(builder_.gate(function_.name + " fails", Connective::any, causes));
    StackModel model{function_, std::move(builder_).build(), {}};
    model.components.resize(model.tree.events());
    for (NodeId event = 0; event < model.tree.events(); ++event)
      model.components[event] = components_.at(model.tree.name_of(event));
    return model;
  }

 private:
  Item leaf(Component component, const spec::MeanTimes& own, const spec::MeanTimes& fallback) {
    component.mtbf = own.mtbf.value_or(fallback.mtbf.value_or(spec::Duration{}));
    component.mttr = own.mttr.value_or(fallback.mttr.value_or(spec::Duration{}));
    const auto [known, is_new] = components_.emplace(component.name, component);
    if (!is_new) return builder_.named(component.name, component.mark);
    return builder_.event(component.name, {component.unavailability(), component.mark});
  }

  Item host_fails(const PathTier& tier, const spec::Host& host) {
    const auto known = hosts_.find(host.name);
    if (known != hosts_.end()) return known->second;
    const spec::Reliability& usual = topology_.reliability;
    std::vector<Item> causes;
    causes.push_back(leaf({host.name, ComponentKind::host, host.name, {}, host.mark, {}, {}},
                          host.times, usual.host));
    causes.push_back(
        leaf({"link of " + host.name, ComponentKind::link, host.name, {}, host.mark, {}, {}}, {},
             usual.link));
    for (const std::string& name : needed_services(topology_, tier, host.name))
      causes.push_back(leaf({component_of(host.name, name),
                             ComponentKind::service,
                             host.name,
                             name,
                             host.mark,
                             {},
                             {}},
                            topology_.find_service(name)->times, usual.service));
    if (!host.zone.empty())
      causes.push_back(leaf({"zone " + host.zone, ComponentKind::zone, {}, {}, host.mark, {}, {}},
                            {}, usual.zone));
    for (const spec::SharedDependency& shared : topology_.shared)
      if (counts(shared) && contains(shared.used_by, host.name))
        causes.push_back(leaf({"shared " + shared.name,
                               ComponentKind::shared,
                               {},
                               {},
                               shared.mark,
                               {},
                               {},
                               !shared.tested},
                              shared.times, usual.shared));
    const Item item = builder_.gate(host.name + " does not serve", Connective::any, causes,
                                    {.threshold = 0, .mark = host.mark});
    hosts_.emplace(host.name, item);
    return item;
  }

  // Users do not notice that the monitoring is gone.
  bool counts(const spec::SharedDependency& shared) const {
    return shared.kind != "monitoring" && (scope_ == Scope::everything || shared.tested);
  }

  Item tier_fails(const spec::Tier& tier) {
    const PathTier entry = path_tier(topology_, path_, tier);
    std::vector<Item> hosts;
    for (const std::string& name : tier.hosts)
      hosts.push_back(host_fails(entry, *topology_.find_host(name)));
    const auto size = static_cast<std::uint32_t>(tier.hosts.size());
    const auto needed = static_cast<std::uint32_t>(needed_hosts(function_, tier));
    return builder_.at_least(fmt::format("tier {} fails", tier.name), size - needed + 1, hosts,
                             tier.mark);
  }

  // Its other hosts may serve, but nobody asks them.
  Item nobody_gets_into(const spec::Tier& tier, const std::vector<std::string>& ways) {
    const PathTier entry = path_tier(topology_, path_, tier);
    std::vector<Item> hosts;
    for (const std::string& name : ways)
      hosts.push_back(host_fails(entry, *topology_.find_host(name)));
    return builder_.gate(fmt::format("nobody gets into tier {}", tier.name), Connective::all, hosts,
                         {.threshold = 0, .mark = tier.mark});
  }

  // Requests come in by it: the workload's, or one that a flow from a tier of the path leads to.
  bool is_used(const spec::Vip& vip) const {
    const bool owned = std::ranges::any_of(vip.owners, [&](const std::string& owner) {
      const spec::Tier* tier = topology_.tier_of(owner);
      return tier != nullptr && contains(function_.tiers, tier->name);
    });
    if (!owned) return false;
    if (vip.name == topology_.workload.vip) return true;
    return std::ranges::any_of(topology_.flows, [&](const spec::Flow& flow) {
      return flow.to_vip == vip.name && std::ranges::any_of(flow.from, [&](const auto& from) {
               const spec::Tier* tier = topology_.tier_of(from);
               return tier != nullptr && contains(function_.tiers, tier->name);
             });
    });
  }

  Item vip_fails(const spec::Vip& vip) {
    std::vector<Item> owners;
    for (const std::string& name : vip.owners) {
      const spec::Tier* tier = topology_.tier_of(name);
      owners.push_back(host_fails(path_tier(topology_, path_, *tier), *topology_.find_host(name)));
    }
    return builder_.gate(fmt::format("VIP {} has no owner", vip.name), Connective::all, owners,
                         {.threshold = 0, .mark = vip.mark});
  }

  void add_common_causes() {
    if (scope_ == Scope::claim) return;
    for (const spec::CommonCause& cause : topology_.common_causes) {
      std::vector<std::string> members;
      for (const std::string& host : cause.on)
        if (components_.contains(component_of(host, cause.service)))
          members.push_back(component_of(host, cause.service));
      if (members.size() < 2) continue;  // users need none of them, or only one
      const std::string name = "common cause " + cause.name;
      Component component{name, ComponentKind::common_cause, {}, {}, cause.mark, {}, {}, true};
      const Component& member = components_.at(members.front());
      component.mttr = member.mttr;
      component.mtbf = member.mtbf;
      // MTBF of the shared part: its failures are the share beta of a member's.
      if (cause.beta.fraction > 0)
        component.mtbf = spec::Duration(static_cast<std::int64_t>(
            std::min(static_cast<double>(member.mtbf.count()) / cause.beta.fraction, 9.0e18)));
      components_.emplace(name, component);
      builder_.common_cause(name, members, cause.beta.fraction, cause.mark);
    }
  }

  const spec::Topology& topology_;
  const spec::UserFunction& function_;
  Scope scope_;
  std::vector<PathTier> path_;
  TreeBuilder builder_;
  std::map<std::string, Component> components_;
  std::map<std::string, Item> hosts_;
};

}  // namespace

const char* component_kind_name(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::host:
      return "host";
    case ComponentKind::service:
      return "service";
    case ComponentKind::link:
      return "link";
    case ComponentKind::zone:
      return "zone";
    case ComponentKind::shared:
      return "shared dependency";
    case ComponentKind::common_cause:
      return "common cause";
  }
  return "";
}

double Component::unavailability() const {
  const double up = static_cast<double>(mtbf.count());
  const double down = static_cast<double>(mttr.count());
  return up + down > 0 ? down / (up + down) : 0;
}

std::string component_of(const std::string& host, const std::string& service) {
  return service.empty() ? host : fmt::format("{} on {}", service, host);
}

std::vector<spec::UserFunction> user_functions(const spec::Topology& topology) {
  std::vector<spec::UserFunction> functions = topology.functions;
  if (functions.empty()) functions = {{"read", {}, {}, {}, {}}, {"write", {}, {}, {}, {}}};
  for (spec::UserFunction& function : functions) {
    if (!function.tiers.empty()) continue;
    for (const PathTier& entry : user_path(topology)) function.tiers.push_back(entry.tier->name);
    if (function.tiers.empty())
      throw Error(
          fmt::format("{}: no flow leads from {}, which sends the workload, to a tier; add "
                      "it to 'flows', or name the tiers of function '{}' under "
                      "'functions'",
                      topology.file, topology.workload.from, function.name));
  }
  return functions;
}

int needed_hosts(const spec::UserFunction& function, const spec::Tier& tier) {
  if (contains(function.any, tier.name)) return 1;
  const int majority = static_cast<int>(tier.hosts.size()) / 2 + 1;
  return contains(function.majority, tier.name) ? std::max(tier.needs, majority) : tier.needs;
}

StackModel compile(const spec::Topology& topology, const spec::UserFunction& function,
                   Scope scope) {
  return Compiler(topology, function, scope).compile();
}

std::vector<StackModel> compile_all(const spec::Topology& topology, Scope scope) {
  std::vector<StackModel> models;
  for (const spec::UserFunction& function : user_functions(topology))
    models.push_back(compile(topology, function, scope));
  return models;
}

bool top_occurs(const FaultTree& tree, const std::vector<bool>& occurring) {
  std::vector<bool> occurs(occurring);
  occurs.resize(tree.nodes());
  for (NodeId node = tree.events(); node < tree.nodes(); ++node) {
    std::size_t count = 0;
    for (const NodeId argument : tree.arguments(node)) count += occurs[argument] ? 1U : 0U;
    switch (tree.connective(node)) {
      case Connective::any:
        occurs[node] = count > 0;
        break;
      case Connective::all:
        occurs[node] = count == tree.arguments(node).size();
        break;
      case Connective::at_least:
        occurs[node] = count >= tree.threshold(node);
        break;
      case Connective::negation:
        occurs[node] = count == 0;
        break;
      case Connective::exclusive:
        occurs[node] = count == 1;
        break;
      case Connective::equivalent:
        occurs[node] = count != 1;
        break;
      case Connective::constant:
        occurs[node] = tree.threshold(node) == 1;
        break;
    }
  }
  return occurs[tree.top()];
}

Predictor::Predictor(const spec::Topology& topology, Scope scope)
    : models_(compile_all(topology, scope)) {}

bool Predictor::breaks(const std::vector<std::string>& failed) const {
  return std::ranges::any_of(models_, [&](const StackModel& model) {
    std::vector<bool> occurring(model.tree.events());
    for (const std::string& name : failed)
      if (const auto node = model.tree.find(name); node && model.tree.is_event(*node))
        occurring[*node] = true;
    return top_occurs(model.tree, occurring);
  });
}

bool Predictor::knows(const std::string& component) const {
  return std::ranges::any_of(models_, [&](const StackModel& model) {
    const auto node = model.tree.find(component);
    return node && model.tree.is_event(*node);
  });
}

}  // namespace nospof::analysis
