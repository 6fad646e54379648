#include "faults/host_rules.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "faults/host_rules_injection.hpp"
#include "faults/parameters.hpp"
#include "faults/witnesses.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* flush_name = "firewall-flush";
constexpr const char* replace_name = "firewall-replace";
constexpr const char* undo_text =
    "the saved rules are loaded in one transaction, unless somebody changed what the fault left";
constexpr std::size_t most_forbidden = 4;
constexpr std::size_t most_probed = 3;

void check_ruleset(const std::string& ruleset) {
  if (ruleset == drop_all || ruleset == no_established || ruleset == accept_all) return;
  if (ruleset.find("table") != std::string::npos && ruleset.find('{') != std::string::npos) return;
  throw Error(
      fmt::format("{}: parameter 'ruleset' is '{}', but must be one of: {}, {}, {}, or "
                  "rules as in a file for nft ('table inet filter {{ ... }}')",
                  replace_name, ruleset, drop_all, no_established, accept_all));
}

// Connections that no allowed flow speaks of, to ports where somebody listens: without rules they
// open, though they did not before.
std::vector<kinds::Witness> forbidden_connections(const Hosts& targets,
                                                  const kinds::StackView& stack) {
  std::vector<kinds::Witness> found;
  const auto allowed = [&stack](const std::string& from, const std::string& to, int port) {
    for (const kinds::StackFlow& flow : stack.flows)
      if (flow.from == from && flow.to == to && flow.port == port) return true;
    return false;
  };
  const auto known = [&found](const std::string& to, int port) {
    for (const kinds::Witness& witness : found)
      if (witness.to_host == to && witness.port == port) return true;
    return false;
  };
  for (const kinds::StackHost* target : targets)
    for (const kinds::StackFlow& flow : stack.flows) {
      if (flow.to != target->name || known(flow.to, flow.port)) continue;
      // From a host that speaks to somebody at that port: its own rules let it out.
      for (const kinds::StackFlow& other : stack.flows) {
        if (other.port != flow.port || other.from == flow.to) continue;
        if (allowed(other.from, flow.to, flow.port)) continue;
        if (found.size() < most_forbidden)
          found.push_back({other.from, flow.to, target->address, flow.port, true});
        break;
      }
    }
  return found;
}

class HostRulesKind : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

 protected:
  std::vector<std::string> read_probed(PlacementReader& reader) const {
    std::vector<std::string> probed = reader.texts_or_none("probed");
    for (const std::string& address : probed) check_peer(info_.name, {address, ""});
    return probed;
  }

  kinds::Plan plan_on(const std::vector<std::string>& targets, const std::string& service,
                      const kinds::StackView& stack, const json::object& parameters,
                      const std::string& effect) const {
    refuse_service(info_, service);
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = parameters;
      json::array probed;
      for (const kinds::StackHost* other : all_but(*host, stack)) {
        check_peer(info_.name, {other->address, other->mac});
        if (probed.size() < most_probed) probed.emplace_back(other->address);
      }
      placement.parameters["probed"] = std::move(probed);
      placement.effect = fmt::format("{} {}", effect, host->name);
      placement.undo = undo_text;
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  spec::KindInfo info_;
};

class FlushKind final : public HostRulesKind {
 public:
  FlushKind() {
    info_.name = flush_name;
    info_.summary = "A host's own packet filter rules are gone: what was forbidden is open.";
    info_.target = spec::TargetType::host;
    info_.needs = {"root", "nftables"};
  }
  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    kinds::Plan plan =
        plan_on(targets, service, stack, {}, "deletes every nftables table that belongs to");
    plan.witnesses = forbidden_connections(resolve_targets(info_, targets, stack), stack);
    return plan;
  }
  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    auto probed = read_probed(reader);
    reader.done();
    return std::make_unique<HostRulesFault>(flush_name, "", std::move(probed));
  }
};

class ReplaceKind final : public HostRulesKind {
 public:
  ReplaceKind() {
    info_.name = replace_name;
    info_.summary = "A bad ruleset is pushed to a host in place of its own one.";
    info_.target = spec::TargetType::host;
    info_.needs = {"root", "nftables"};
    info_.parameters = {{"ruleset",
                         spec::ParameterType::text,
                         false,
                         no_established,
                         {},
                         "drop-all, no-established (answers to what the host begins are lost), "
                         "accept-all, or rules as in a file for nft.",
                         false}};
  }
  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const std::string ruleset = PlanReader(info_, parameters).text("ruleset");
    check_ruleset(ruleset);
    const bool named = ruleset.find('{') == std::string::npos;
    return plan_on(targets, service, stack, {{"ruleset", ruleset}},
                   fmt::format("loads {} in place of the rules of",
                               named ? "ruleset " + ruleset : std::string("the given ruleset")));
  }
  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    std::string ruleset = reader.text_or("ruleset", no_established);
    check_ruleset(ruleset);
    auto probed = read_probed(reader);
    reader.done();
    return std::make_unique<HostRulesFault>(replace_name, std::move(ruleset), std::move(probed));
  }
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_firewall_flush() {
  return std::make_unique<FlushKind>();
}

std::unique_ptr<kinds::FaultKind> make_firewall_replace() {
  return std::make_unique<ReplaceKind>();
}

}  // namespace nospof::faults
