#include "faults/firewall_rules.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace nospof::faults {

namespace {

constexpr long long ratio_steps = 1'000'000;

bool at_output(const FirewallFlow& flow) {
  return flow.cut.out && flow.action != FirewallAction::drop;
}

std::string verdict(FirewallAction action) {
  switch (action) {
    case FirewallAction::drop:
      return "drop";
    case FirewallAction::reject:
      return "reject with icmpx type port-unreachable";
    case FirewallAction::tcp_reset:
      return "reject with tcp reset";
  }
  return "drop";
}

// One look at the dice for each packet, whatever told that it belongs to the flow.
std::string hit_chain(const char* name, const FirewallFlow& flow, bool on_link) {
  std::string chance;
  if (flow.ratio < 1)
    chance = fmt::format("numgen random mod {} < {} ", ratio_steps,
                         std::max(1LL, std::llround(flow.ratio * ratio_steps)));
  const char* family =
      on_link && flow.action == FirewallAction::reject ? "meta protocol { ip, ip6 } " : "";
  const char* only = flow.action == FirewallAction::tcp_reset ? "meta l4proto tcp " : "";
  return fmt::format("  chain {} {{\n    {}counter\n    {}{}{}counter {}\n  }}\n", name, only,
                     chance, only, family, verdict(flow.action));
}

std::string to_hit(const FirewallFlow& flow, bool in, bool on_link) {
  std::string rules;
  for (const std::string& match : flow_matches(flow.cut, in, on_link))
    rules += fmt::format("    {}goto {}\n", match, in ? hit_in : hit_out);
  return rules;
}

}  // namespace

std::vector<std::string> firewall_families(const FirewallFlow& flow) {
  std::vector<std::string> families;
  if (flow.cut.in || !at_output(flow)) families.emplace_back(cut_family);
  if (at_output(flow)) families.emplace_back("inet");
  return families;
}

std::vector<std::string> firewall_hooks(const FirewallFlow& flow) {
  std::vector<std::string> hooks;
  if (flow.cut.in) hooks.emplace_back("ingress");
  if (flow.cut.out) hooks.emplace_back(at_output(flow) ? "output" : "egress");
  return hooks;
}

std::string firewall_rules(const FirewallFlow& flow, const std::string& table,
                           const std::vector<NetworkDevice>& devices) {
  std::string text;
  const bool egress = flow.cut.out && !at_output(flow);
  if (flow.cut.in || egress) {
    text += fmt::format("table {} {} {{\n  flags owner\n", cut_family, table);
    for (const bool in : {true, false}) {
      if (in ? !flow.cut.in : !egress) continue;
      text += hit_chain(in ? hit_in : hit_out, flow, true);
      for (const NetworkDevice& device : devices)
        text += link_chain("firewall", device, in) + to_hit(flow, in, true) + "  }\n";
    }
    text += "}\n";
  }
  if (at_output(flow))
    // What is answered goes back over loopback; it must not be met again.
    text += fmt::format(
        "table inet {} {{\n  flags owner\n{}  chain out {{\n    type filter hook output priority "
        "{}; policy accept;\n    oifname \"lo\" return\n{}  }}\n}}\n",
        table, hit_chain(hit_out, flow, false), first_priority, to_hit(flow, false, false));
  return text;
}

std::string lockout_rules(const std::string& table) {
  std::string text = fmt::format("table inet {} {{\n  flags owner\n", table);
  for (const auto* hook : {"input", "forward", "output"}) {
    const std::string device = hook == std::string("output") ? "oifname" : "iifname";
    text += fmt::format("  chain {} {{\n    type filter hook {} priority {}; policy drop;\n", hook,
                        hook, first_priority);
    if (hook != std::string("forward")) text += fmt::format("    {} \"lo\" accept\n", device);
    text += "    counter drop\n  }\n";
  }
  return text + "}\n";
}

}  // namespace nospof::faults
