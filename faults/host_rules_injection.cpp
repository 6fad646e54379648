#include "faults/host_rules_injection.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"
#include "system/probe_packet.hpp"

namespace nospof::faults {

namespace {

using enum kinds::Confirmation::Outcome;

constexpr int probed_port = 9;  // discard

std::string names_of(const std::vector<NftTable>& tables) {
  std::vector<std::string> names;
  for (const NftTable& table : tables)
    names.push_back(fmt::format("{} {}", table.family, table.name));
  return fmt::format("{}", fmt::join(names, ", "));
}

boost::json::array tables_json(const std::vector<NftTable>& tables) {
  boost::json::array list;
  for (const NftTable& table : tables)
    list.push_back(boost::json::object{{"family", table.family}, {"table", table.name}});
  return list;
}

std::string deletions(const std::vector<NftTable>& tables) {
  std::string commands;
  for (const NftTable& table : tables)
    commands += fmt::format("delete table {} {}\n", table.family, table.name);
  return commands;
}

// Ports that a service listens on at any address but loopback.
std::vector<int> listening_ports() {
  constexpr int listen_state = 0x0A;
  std::set<int> ports;
  std::istringstream lines(read_file("/proc/thread-self/net/tcp"));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state;
    words >> number >> local >> remote >> state;
    const std::size_t colon = local.find(':');
    if (colon == std::string::npos || std::stoi(state, nullptr, 16) != listen_state) continue;
    const bool loopback = local.substr(0, colon).ends_with("7F");
    if (!loopback) ports.insert(std::stoi(local.substr(colon + 1), nullptr, 16));
  }
  return {ports.begin(), ports.end()};
}

class HostRulesInjection final : public kinds::Injection {
 public:
  HostRulesInjection(std::string kind, HostRuleset before, HostRuleset after,
                     std::vector<std::string> probed)
      : kind_(std::move(kind)),
        before_(std::move(before)),
        after_(std::move(after)),
        probed_(std::move(probed)) {}

  std::vector<kinds::UndoRecord> undo() const override {
    kinds::UndoRecord record{{"op", "restore-ruleset"},
                             {"ruleset", before_.restorable},
                             {"before", before_.comparable},
                             {"standing", after_.comparable}};
    record["standing_tables"] = tables_json(after_.tables);
    return {record};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already, or was", kind_));
    const HostRuleset now = read_host_ruleset();
    if (now.comparable != before_.comparable)
      throw Error(fmt::format("{}: the host's rules changed since they were saved: {}; try again",
                              kind_, first_difference(before_.comparable, now.comparable)));
    injected_ = true;
    let_out_before_ = let_out();
    NftContext().run(deletions(before_.tables) + after_.restorable);
  }

  kinds::Confirmation confirm() override {
    if (!injected_) return {not_yet, "not in force"};
    const HostRuleset now = read_host_ruleset();
    if (now.comparable != after_.comparable)
      return {unable, fmt::format("somebody changes the rules: {}",
                                  first_difference(after_.comparable, now.comparable))};
    std::string evidence =
        after_.tables.empty()
            ? fmt::format("read back: {} tables of the host are gone ({}), none is left",
                          before_.tables.size(), names_of(before_.tables))
            : fmt::format("read back: in place of {} tables of the host ({}) stand {}",
                          before_.tables.size(), names_of(before_.tables), names_of(after_.tables));
    if (!now.owned.empty())
      evidence += fmt::format("; {} belong to living processes and stay", names_of(now.owned));
    return judge(evidence);
  }

  kinds::Confirmation confirm_healed() override {
    const HostRuleset now = read_host_ruleset();
    if (now.comparable == before_.comparable)
      return {confirmed, fmt::format("the host's {} tables are as before, to the byte",
                                     before_.tables.size())};
    return {not_yet, fmt::format("the host's rules are not as before: {}",
                                 first_difference(before_.comparable, now.comparable))};
  }

 private:
  // How many of the probed addresses a packet that belongs to no connection can be sent to.
  std::size_t let_out() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        probed_, [](const std::string& address) { return send_stray_ack(address, probed_port); }));
  }

  // Rules that stopped packets and are gone must stop none: measured, not only read.
  kinds::Confirmation judge(const std::string& read_back) const {
    const std::size_t now = let_out();
    if (after_.tables.empty() && let_out_before_ < probed_.size()) {
      const std::string measured =
          fmt::format("packets to {} of {} hosts leave that the rules had stopped",
                      now - std::min(now, let_out_before_), probed_.size() - let_out_before_);
      return {now == probed_.size() ? confirmed : not_yet, measured + "; " + read_back};
    }
    if (now == let_out_before_)
      return {confirmed, read_back + "; no packet was at hand that only one of the two lets out"};
    return {confirmed, fmt::format("packets to {} of {} hosts leave, {} did before; {}", now,
                                   probed_.size(), let_out_before_, read_back)};
  }

  std::string kind_;
  HostRuleset before_;
  HostRuleset after_;
  std::vector<std::string> probed_;
  std::size_t let_out_before_ = 0;
  bool injected_ = false;
};

void require_restorable(const std::string& kind, const std::string& host,
                        const HostRuleset& before) {
  if (before.tables.empty())
    throw Error(fmt::format(
        "{}: host '{}' has no rules of its own{}; there is nothing to take away", kind, host,
        before.owned.empty()
            ? ""
            : " but those that belong to living processes, which nobody else can change"));
  const auto refuse = [&](const std::string& why) {
    throw Error(fmt::format("{}: the rules of host '{}' could not be put back exactly: {}", kind,
                            host, why));
  };
  if (!before.untranslatable.empty())
    refuse(
        fmt::format("nft can't read back what it prints as '{}' (made by iptables-nft); rules "
                    "in nft's own words could be",
                    before.untranslatable));
  std::string again;
  try {
    again = try_ruleset(before.restorable).comparable;
  } catch (const std::exception& error) {
    refuse(error.what());
  }
  if (again != before.comparable) refuse(first_difference(before.comparable, again));
}

}  // namespace

std::string builtin_ruleset(const std::string& name, const std::vector<int>& listening) {
  const char* policy = name == accept_all ? "accept" : "drop";
  std::string text = "table inet filter {\n";
  for (const std::string hook : {"input", "forward", "output"}) {
    // Without the rule for answers only what the host begins itself is lost.
    const bool open = name == no_established && hook == "output";
    text += fmt::format("  chain {0} {{\n    type filter hook {0} priority 0; policy {1};\n", hook,
                        open ? "accept" : policy);
    if (name != accept_all && hook == "input") text += "    iif \"lo\" accept\n";
    if (name != accept_all && hook == "output") text += "    oif \"lo\" accept\n";
    if (name == no_established && hook == "input" && !listening.empty())
      text += fmt::format("    tcp dport {{ {} }} accept\n", fmt::join(listening, ", "));
    text += "  }\n";
  }
  return text + "}\n";
}

std::unique_ptr<kinds::Injection> HostRulesFault::prepare(kinds::HostEnv& env) const {
  HostRuleset before = read_host_ruleset();
  require_restorable(kind_, env.host, before);
  HostRuleset after;
  if (!rules_.empty()) {
    const bool builtin = rules_ == drop_all || rules_ == no_established || rules_ == accept_all;
    try {
      after = try_ruleset(builtin ? builtin_ruleset(rules_, listening_ports()) : rules_);
    } catch (const std::exception& error) {
      throw Error(fmt::format("{}: the given ruleset is none on host '{}': {}", kind_, env.host,
                              error.what()));
    }
    if (after.tables.empty())
      throw Error(
          fmt::format("{}: the given ruleset has no table that outlives its being loaded; "
                      "to take the rules away use firewall-flush",
                      kind_));
    if (after.comparable == before.comparable)
      throw Error(fmt::format("{}: host '{}' has these very rules already", kind_, env.host));
  }
  return std::make_unique<HostRulesInjection>(kind_, std::move(before), std::move(after), probed_);
}

}  // namespace nospof::faults
