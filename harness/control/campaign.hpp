#pragma once
// From a topology to the cells of a proof: every component x every applicable fault.

#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "spec/catalogue.hpp"
#include "spec/topology.hpp"

namespace nospof::control {

/// One component x one fault; or a fault on several hosts (control/combined_cells.hpp).
struct Cell {
  std::string id;    ///< "db1/mariadb/process-kill", "db1/host-crash", "control/lb1+lb2/host-crash"
  std::string host;  ///< empty when `hosts` are hit
  std::string service;  ///< empty for a fault on the host
  std::string fault;
  std::string label;  ///< of the variant; empty for the only one
  spec::Parameters parameters;
  /// What the topology's fault tree says of users while the component is gone: "survives",
  /// "breaks"; empty: it says nothing.
  std::string predicted = {};
  std::vector<std::string> hosts = {};  ///< of a cell that hits several
  /// Whether they are hit one after another, the next one while the one before it comes back; else
  /// all at once.
  bool in_turn = false;

  /// Every host that it hits.
  std::vector<std::string> targets() const {
    return hosts.empty() ? std::vector<std::string>{host} : hosts;
  }
};

/// Whether its hosts must break the service together, so that it passes when they do.
inline bool is_control(const Cell& cell) {
  return !cell.hosts.empty() && cell.predicted == "breaks";
}

/// What a proof does not try, and why: it is reported, never silently left out.
struct LeftOut {
  std::string what;
  std::string why;
};

struct Campaign {
  std::vector<Cell> cells;
  std::vector<LeftOut> left_out;
};

/// Shell patterns (fnmatch(3)) over cell ids; an empty `only` keeps all.
struct CellFilter {
  std::vector<std::string> only;
  std::vector<std::string> skip;
};

/// Throws Error when a pattern matches no cell at all (most likely a slip).
Campaign plan_campaign(const spec::Topology& topology, const spec::Catalogue& catalogue,
                       const CellFilter& filter);

/// The allowed TCP flows, host to host, whose port a service of the target listens on.
void add_flows(const spec::Topology& topology, kinds::StackView& view);

/// The services of every host, as far as the topology tells: no paths, commands not rendered.
void add_services(const spec::Topology& topology, kinds::StackView& view);

/// What is said before TLS begins: "mysql", "postgresql", or empty.
const char* starttls_name(spec::StartTls starttls);

/// What faults may know of the stack. `mac_of` gives a host's MAC address or "".
template <typename MacOf>
kinds::StackView stack_view(const spec::Topology& topology, MacOf mac_of) {
  kinds::StackView view;
  for (const spec::Host& host : topology.hosts)
    view.hosts.push_back({host.name, host.address, mac_of(host.name), host.services});
  for (const spec::Vip& vip : topology.vips)
    view.vips.push_back({vip.name, vip.address, vip.dns_name, vip.owners});
  add_flows(topology, view);
  add_services(topology, view);
  return view;
}

/// Parameters as JSON, for events: durations as text.
kinds::json::object parameters_json(const spec::Parameters& parameters);

}  // namespace nospof::control
