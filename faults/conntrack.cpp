#include "faults/conntrack.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "faults/owned_table.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"
#include "system/conntrack.hpp"
#include "system/probe_packet.hpp"
#include "system/ruleset.hpp"

namespace nospof::faults {

namespace {

using enum kinds::Confirmation::Outcome;

constexpr const char* flush_name = "conntrack-flush";
constexpr const char* full_name = "conntrack-full";
constexpr int after_tracking = -199;  // connection tracking stands at -200
constexpr int most_flushes = 10;

// Without rules that ask for it the kernel tracks nothing, and what is done to the table is felt by
// nobody.
void require_tracking(const std::string& kind, const std::string& host) {
  if (!conntrack_entries().empty()) return;
  const std::string rules = read_host_ruleset().restorable;
  for (const char* word : {" ct ", "\tct ", " type nat ", "\ttype nat "})
    if (rules.find(word) != std::string::npos) return;
  throw Error(
      fmt::format("{}: host '{}' tracks no connections (none of its rules asks for it), so "
                  "nobody would feel it",
                  kind, host));
}

class FlushInjection final : public kinds::Injection {
 public:
  // Entries come back with the packets of their connections: there is nothing to put back.
  std::vector<kinds::UndoRecord> undo() const override { return {}; }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already, or was", flush_name));
    injected_ = true;
    const auto before = conntrack_entries();
    forgotten_ = before.size();
    // Entries that confirmed themselves while the table was walked are taken by the next round; on
    // a busy host unsure new ones come at once.
    for (int round = 0; round < most_flushes; ++round) {
      flush_conntrack();
      const auto now = conntrack_entries();
      left_ = static_cast<std::size_t>(
          std::ranges::count_if(now, [&before](const ConntrackEntry& entry) {
            return entry.assured && before.contains(entry);
          }));
      if (left_ == 0) break;
    }
  }

  kinds::Confirmation confirm() override {
    if (!injected_) return {not_yet, "not in force"};
    return {left_ == 0 ? confirmed : unable,
            fmt::format("{} tracked connections forgotten; {} of those with traffic both ways were "
                        "still there when the table was read right after it",
                        forgotten_, left_)};
  }

  kinds::Confirmation confirm_healed() override {
    return {confirmed, fmt::format("entries come back with packets; {} are tracked now",
                                   conntrack_entries().size())};
  }

 private:
  bool injected_ = false;
  std::size_t forgotten_ = 0;
  std::size_t left_ = 0;
};

class FullInjection final : public kinds::Injection {
 public:
  explicit FullInjection(OwnedTable table) : table_(std::move(table)) {}

  std::vector<kinds::UndoRecord> undo() const override { return table_.undo(); }
  void inject() override { table_.add(full_table_rules(table_.name())); }
  void release() override { table_.release(); }

  kinds::Confirmation confirm() override {
    NftContext look;
    if (const auto wrong = table_.amiss(look)) return *wrong;
    const bool taken = loopback_takes_new_flow();
    std::uint64_t dropped = 0;
    for (const NftCounter& counter : look.counters(table_.in("inet"))) dropped += counter.packets;
    return {!taken && dropped > 0 ? confirmed : not_yet,
            fmt::format("a new flow over loopback was {}; {} packets that needed a new entry were "
                        "dropped",
                        taken ? "taken" : "refused", dropped)};
  }

  kinds::Confirmation confirm_healed() override { return table_.confirm_healed(); }

 private:
  OwnedTable table_;
};

class FlushFault final : public kinds::Fault {
 public:
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    if (conntrack_entries().empty())
      throw Error(
          fmt::format("{}: host '{}' tracks no connection at the moment, so there is "
                      "nothing to forget",
                      flush_name, env.host));
    return std::make_unique<FlushInjection>();
  }
};

class FullFault final : public kinds::Fault {
 public:
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    require_tracking(full_name, env.host);
    OwnedTable table(full_name, {"inet"});
    require_rules(full_name, env.host, full_table_rules(table.name()),
                  "are nftables with CONFIG_NFT_CT and the table flag owner (Linux 5.12)");
    return std::make_unique<FullInjection>(std::move(table));
  }
};

class ConntrackKind final : public kinds::FaultKind {
 public:
  ConntrackKind(const char* name, const char* summary, const char* effect, const char* undo)
      : effect_(effect), undo_(undo) {
    info_.name = name;
    info_.summary = summary;
    info_.target = spec::TargetType::host;
    info_.needs = {"root", "nft-conntrack"};
  }
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.effect = fmt::format("{} {}", effect_, host->name);
      placement.undo = undo_;
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader(info_.name, parameters).done();
    if (info_.name == flush_name) return std::make_unique<FlushFault>();
    return std::make_unique<FullFault>();
  }

 private:
  spec::KindInfo info_;
  const char* effect_;
  const char* undo_;
};

}  // namespace

std::string full_table_rules(const std::string& table) {
  std::string text = fmt::format("table inet {} {{\n  flags owner\n", table);
  for (const char* hook : {"prerouting", "output"})
    text += fmt::format(
        "  chain {0} {{\n    type filter hook {0} priority {1}; policy accept;\n    ct state new "
        "counter drop\n  }}\n",
        hook, after_tracking);
  return text + "}\n";
}

std::unique_ptr<kinds::FaultKind> make_conntrack_flush() {
  return std::make_unique<ConntrackKind>(
      flush_name, "A host forgets every connection that it tracks.",
      "deletes all entries of the connection tracking table of",
      "nothing: entries come back with the packets of their connections");
}

std::unique_ptr<kinds::FaultKind> make_conntrack_full() {
  return std::make_unique<ConntrackKind>(
      full_name, "A host's connection tracking table takes no new connection, as if it were full.",
      "drops every packet that needs a new entry in the connection tracking table of",
      "the kernel removes the nftables table when the agent lets go of it");
}

}  // namespace nospof::faults
