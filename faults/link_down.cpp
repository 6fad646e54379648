#include "faults/link_down.hpp"

#include <fmt/format.h>

#include "faults/host_link.hpp"
#include "faults/parameters.hpp"
#include "faults/stack_peers.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "link-down";

class LinkDownInjection final : public kinds::Injection {
 public:
  explicit LinkDownInjection(LinkState before) : before_(std::move(before)) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {restore_link_record(before_, "")};
  }

  void inject() override {
    if (injected_) throw Error("link-down: is in force already, or was");
    injected_ = true;
    set_link_down(before_);
  }

  kinds::Confirmation confirm() override {
    if (is_link_up(before_.name)) return {not_yet, fmt::format("link {} is up", before_.name)};
    return {confirmed, fmt::format("link {} is down, {} of its {} routes are gone", before_.name,
                                   missing_routes(), before_.routes.size())};
  }

  kinds::Confirmation confirm_healed() override { return confirm_link_restored(before_); }

 private:
  using enum kinds::Confirmation::Outcome;

  std::size_t missing_routes() const {
    const auto now = read_link_state(before_.name).routes.size();
    return before_.routes.size() - std::min(now, before_.routes.size());
  }

  LinkState before_;
  bool injected_ = false;
};

class LinkDown final : public kinds::Fault {
 public:
  explicit LinkDown(LinkChoice choice) : choice_(std::move(choice)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    return std::make_unique<LinkDownInjection>(require_link(kind_name, choice_, env));
  }

 private:
  LinkChoice choice_;
};

class LinkDownKind final : public kinds::FaultKind {
 public:
  LinkDownKind() {
    info_.name = kind_name;
    info_.summary = "A host's link is set down; its routes go with it.";
    info_.target = spec::TargetType::host;
    info_.parameters = {{"device",
                         spec::ParameterType::text,
                         false,
                         "",
                         {},
                         "Network device; left out: the one with the host's address.",
                         false}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::string device = given.text("device");
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"device", device}, {"address", host->address}};
      placement.effect =
          fmt::format("sets {} of {} down",
                      device.empty() ? "the link with " + host->address : device, host->name);
      placement.undo = "sets it up and puts back the addresses, neighbours and routes it had";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
      // Of another device nobody knows here who is behind it.
      if (!device.empty() || stack.hosts.size() < 2) continue;
      for (kinds::Witness& witness :
           witnesses_between(*host, peers_of(info_, *host, {}, stack), stack))
        plan.witnesses.push_back(std::move(witness));
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    LinkChoice choice{reader.text_or_empty("device"), reader.text_or_empty("address")};
    reader.done();
    if (choice.device.empty() && choice.address.empty())
      reader.refuse("address", "is missing, and no 'device' is named");
    return std::make_unique<LinkDown>(std::move(choice));
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_link_down() {
  return std::make_unique<LinkDownKind>();
}

}  // namespace nospof::faults
