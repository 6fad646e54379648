#include <fmt/format.h>

#include "faults/firewall.hpp"
#include "faults/firewall_rules.hpp"
#include "faults/parameters.hpp"
#include "faults/witnesses.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using enum kinds::Confirmation::Outcome;

constexpr const char* kind_name = "firewall-lockout";
constexpr std::size_t asked_at_once = 3;

class LockoutInjection final : public kinds::Injection {
 public:
  LockoutInjection(Cut cut, OwnedTable table) : cut_(std::move(cut)), table_(std::move(table)) {}

  std::vector<kinds::UndoRecord> undo() const override { return table_.undo(); }
  void inject() override { table_.add(lockout_rules(table_.name())); }
  void release() override { table_.release(); }
  kinds::Confirmation confirm_healed() override { return table_.confirm_healed(); }

  kinds::Confirmation confirm() override {
    NftContext look;
    if (const auto wrong = table_.amiss(look)) return *wrong;
    if (const std::string why = table_.not_first(look, {"input", "forward", "output"});
        !why.empty())
      return {unable, why};
    provoke(cut_, next_peer_);
    next_peer_ += asked_at_once;
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (const NftCounter& counter : look.counters(table_.in("inet")))
      (counter.chain == "output" ? out : in) += counter.packets;
    return {
        out > 0 ? confirmed : not_yet,
        fmt::format("table {} with flag owner denies by default; packets dropped: {} out, {} in",
                    table_.name(), out, in)};
  }

 private:
  Cut cut_;
  OwnedTable table_;
  std::size_t next_peer_ = 0;
};

class Lockout final : public kinds::Fault {
 public:
  explicit Lockout(Cut cut) : cut_(std::move(cut)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    if (devices_but_loopback().empty())
      throw Error(fmt::format("{}: host '{}' has no network device, so nothing gets in already",
                              kind_name, env.host));
    OwnedTable table(kind_name, {"inet"});
    require_rules(kind_name, env.host, lockout_rules(table.name()),
                  "are nftables with the family inet and the table flag owner (Linux 5.12)");
    return std::make_unique<LockoutInjection>(cut_, std::move(table));
  }

 private:
  Cut cut_;
};

class LockoutKind final : public kinds::FaultKind {
 public:
  LockoutKind() {
    info_.name = kind_name;
    info_.summary = "A host's packet filter denies everything: default deny, nothing allowed.";
    info_.target = spec::TargetType::host;
    info_.needs = {"root", "nftables"};
    info_.prove_variants = {spec::ProveVariant{}};
  }
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const Hosts hosts = resolve_targets(info_, targets, stack);
    kinds::Plan plan;
    for (const kinds::StackHost* host : hosts) {
      const Hosts peers = all_but(*host, stack);
      if (peers.empty())
        throw Error(fmt::format("{}: there is no other host that '{}' could be locked from",
                                kind_name, host->name));
      for (const kinds::StackHost* peer : peers) check_peer(kind_name, {peer->address, peer->mac});
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = cut_json("both", true, peers);
      placement.effect = fmt::format(
          "denies all IP traffic in, out and through {}, established connections too; loopback and "
          "ARP stay",
          host->name);
      placement.undo = "the kernel removes the nftables table when the agent lets go of it";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    plan.witnesses = choose_witnesses(hosts, stack, [&](const kinds::StackFlow& flow) {
      return has_host(hosts, flow.from) || has_host(hosts, flow.to);
    });
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Cut cut = read_cut(info_.name, reader);
    reader.done();
    return std::make_unique<Lockout>(std::move(cut));
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_firewall_lockout() {
  return std::make_unique<LockoutKind>();
}

}  // namespace nospof::faults
