#pragma once
// A topology as fault trees: for each thing that users do, which failures of components stop it.
// docs/plan.md explains the rules and what the model leaves out.

#include <optional>
#include <string>
#include <vector>

#include "analysis/fault_tree.hpp"
#include "spec/topology.hpp"

namespace nospof::analysis {

enum class ComponentKind { host, service, link, zone, shared, common_cause };
/// "host", "service", "link", "zone", "shared dependency", "common cause".
const char* component_kind_name(ComponentKind kind);

/// What can fail: one basic event.
struct Component {
  std::string name;  ///< "db1", "mariadb on db1", "link of db1", "zone a", "shared switch"
  ComponentKind kind = ComponentKind::host;
  std::string host;     ///< of hosts, services and links
  std::string service;  ///< of services
  spec::Mark mark;      ///< where the topology speaks of it
  spec::Duration mtbf{};
  spec::Duration mttr{};
  bool assumed = false;  ///< taken for granted by a proof (spec::SharedDependency::tested is false)

  /// Share of time it is down in the long run: MTTR / (MTBF + MTTR), with MTBF counted from repair
  /// to failure.
  double unavailability() const;
};

/// What is among the leaves: what a proof claims to cover, or also what it takes for granted
/// (untested shared dependencies, common causes).
enum class Scope { claim, everything };

struct StackModel {
  spec::UserFunction function;
  FaultTree tree;                     ///< its top event: users cannot do it
  std::vector<Component> components;  ///< by event of the tree
};

/// What users do: `functions` of the topology, or "read" and "write". Their tiers are filled in.
/// Throws Error when the workload reaches no tier and a function names none.
std::vector<spec::UserFunction> user_functions(const spec::Topology& topology);

/// How many hosts of a tier a function needs.
int needed_hosts(const spec::UserFunction& function, const spec::Tier& tier);

/// Throws Error as user_functions() does, SpecError when members of a common cause differ in their
/// mean times.
StackModel compile(const spec::Topology& topology, const spec::UserFunction& function, Scope scope);
std::vector<StackModel> compile_all(const spec::Topology& topology, Scope scope);

/// Says what users notice when components fail, of all functions of a topology.
class Predictor {
 public:
  explicit Predictor(const spec::Topology& topology, Scope scope = Scope::claim);

  /// Whether some function fails. Names that are no component of the model change nothing: users
  /// do not need them.
  bool breaks(const std::vector<std::string>& failed) const;
  /// Whether users need it at all: it is in some function's tree.
  bool knows(const std::string& component) const;

  const std::vector<StackModel>& models() const { return models_; }

 private:
  std::vector<StackModel> models_;
};

/// Whether the top event occurs when exactly these events do; `occurring` has one entry per event.
bool top_occurs(const FaultTree& tree, const std::vector<bool>& occurring);

/// "mariadb on db1", or "db1" when there is no service: the names of components of the model.
std::string component_of(const std::string& host, const std::string& service);

}  // namespace nospof::analysis
