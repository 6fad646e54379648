#include "faults/vip_conflict.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/parameters.hpp"
#include "system/arp.hpp"
#include "system/check.hpp"
#include "system/helper_process.hpp"
#include "system/labelled_address.hpp"

namespace nospof::faults {

namespace {

using std::chrono::milliseconds;

constexpr const char* kind_name = "vip-conflict";
constexpr milliseconds answer_time{200};
constexpr std::int64_t least_ms = 10;
constexpr std::int64_t most_ms = 3600 * 1000;
// What the helper counts.
constexpr std::size_t announcements = 0;
constexpr std::size_t failures = 1;

struct Claim {
  LabelledAddress vip;
  MacAddress own{};
  milliseconds interval{0};
};

// Runs in the helper until it is killed.
void claim_again_and_again(const Claim& claim, const SharedCounters& counters) {
  for (auto next = std::chrono::steady_clock::now();;) {
    ++counters[announce_address(claim.vip.address, claim.own) ? announcements : failures];
    std::this_thread::sleep_until(next += claim.interval);
  }
}

class VipConflictInjection final : public kinds::Injection {
 public:
  VipConflictInjection(Claim claim, MacAddress owner)
      : claim_(std::move(claim)), owner_(owner), name_(new_helper_name()) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "delete-address"},
             {"device", claim_.vip.device},
             {"address", claim_.vip.address},
             {"label", claim_.vip.label},
             {"helper", name_}}};
  }

  void inject() override {
    if (injected_) throw Error("vip-conflict: is in force already, or was");
    injected_ = true;
    add_labelled_address(claim_.vip);
    helper_ = start_helper({.name = name_, .descriptors = {}},
                           [this] { claim_again_and_again(claim_, counters_); });
  }

  kinds::Confirmation confirm() override {
    if (!has_labelled_address(claim_.vip))
      return {not_yet, fmt::format("{} is not on {}", claim_.vip.address, claim_.vip.device)};
    if (!helper_.running())
      return {unable, "the helper process that announces the address has ended"};
    const std::uint64_t sent = counters_[announcements];
    return {sent > 0 ? confirmed : not_yet,
            fmt::format("{} is on {} ({}) besides {}, announced {} times, every {} ms",
                        claim_.vip.address, claim_.vip.device, text_of(claim_.own), text_of(owner_),
                        sent, claim_.interval.count())};
  }

  void release() override { helper_ = Child(); }

  kinds::Confirmation confirm_healed() override {
    if (helper_.running()) return {not_yet, "the helper process still announces the address"};
    if (has_labelled_address(claim_.vip))
      return {not_yet, fmt::format("{} is still on {}", claim_.vip.address, claim_.vip.device)};
    return {confirmed,
            fmt::format("{} of nospof is gone from {}", claim_.vip.address, claim_.vip.device)};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  Claim claim_;
  MacAddress owner_;
  std::string name_;
  SharedCounters counters_;
  bool injected_ = false;
  Child helper_;
};

class VipConflict final : public kinds::Fault {
 public:
  VipConflict(std::string address, milliseconds interval)
      : address_(std::move(address)), interval_(interval) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    if (const auto device = device_with(address_))
      throw Error(
          fmt::format("vip-conflict: host '{}' has {} already, on {}: it can't be a second "
                      "owner; choose another host",
                      env.host, address_, *device));
    in_addr parsed{};
    check("inet_pton", ::inet_pton(AF_INET, address_.c_str(), &parsed) - 1);
    const std::optional<EthernetLink> link = link_towards(parsed);
    if (!link)
      throw Error(
          fmt::format("vip-conflict: {} lies on no Ethernet link of host '{}', so nobody "
                      "would believe that it is there",
                      address_, env.host));
    const std::optional<MacAddress> owner = who_has(address_, answer_time);
    if (!owner)
      throw Error(
          fmt::format("vip-conflict: nobody on link {} of host '{}' answers for {} within "
                      "{} ms: there is no owner to be in conflict with",
                      link->device, env.host, address_, answer_time.count()));
    return std::make_unique<VipConflictInjection>(
        Claim{{link->device, address_, own_label(link->device)}, mac_of(*link), interval_}, *owner);
  }

 private:
  std::string address_;
  milliseconds interval_;
};

// The address of a VIP of the stack, by its name, its DNS name or as it is. Empty: the only one.
std::string resolve_vip(const std::string& named, const kinds::StackView& stack) {
  std::vector<std::string> known;
  for (const kinds::StackVip& vip : stack.vips) {
    if (named == vip.name || named == vip.dns_name || named == vip.address) return vip.address;
    known.push_back(vip.name);
  }
  if (named.empty() && stack.vips.size() == 1) return stack.vips.front().address;
  in_addr parsed{};
  if (::inet_pton(AF_INET, named.c_str(), &parsed) == 1) return named;
  const std::string there_are =
      known.empty() ? std::string("the stack has none") : fmt::format("{}", fmt::join(known, ", "));
  throw Error(named.empty()
                  ? fmt::format("vip-conflict: name the VIP with 'vip'; there are: {}", there_are)
                  : fmt::format("vip-conflict: '{}' is neither a VIP nor an IPv4 address; VIPs: {}",
                                named, there_are));
}

class VipConflictKind final : public kinds::FaultKind {
 public:
  VipConflictKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "A second host owns a virtual address and tells everybody so.";
    info_.target = spec::TargetType::host;
    info_.parameters = {{"vip",
                         ParameterType::text,
                         false,
                         "",
                         {},
                         "Name or IPv4 address of the VIP; left out: the only one there is.",
                         false},
                        {"interval",
                         ParameterType::duration,
                         false,
                         "200ms",
                         {},
                         "How far apart the announcements (gratuitous ARP) are.",
                         false}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::string address = resolve_vip(given.text("vip"), stack);
    const auto interval = std::chrono::floor<milliseconds>(given.duration("interval")).count();
    if (interval < least_ms || interval > most_ms)
      throw Error("vip-conflict: parameter 'interval' must be from 10ms to 1h");
    for (const kinds::StackHost& host : stack.hosts)
      if (host.address == address &&
          std::find(targets.begin(), targets.end(), host.name) != targets.end())
        throw Error(fmt::format("vip-conflict: {} is the own address of '{}'", address, host.name));
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"address", address}, {"interval_ms", interval}};
      placement.effect = fmt::format("adds {} to {} and announces it there every {} ms", address,
                                     host->name, interval);
      placement.undo = fmt::format(
          "removes exactly that address and tells everybody who answers for {}", address);
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    std::string address = reader.text("address");
    in_addr parsed{};
    if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1)
      reader.refuse("address", "is no IPv4 address");
    const milliseconds interval(reader.integer_or("interval_ms", 200, least_ms, most_ms));
    reader.done();
    return std::make_unique<VipConflict>(std::move(address), interval);
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_vip_conflict() {
  return std::make_unique<VipConflictKind>();
}

}  // namespace nospof::faults
