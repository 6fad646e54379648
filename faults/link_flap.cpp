#include "faults/link_flap.hpp"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "faults/host_link.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"
#include "system/helper_process.hpp"

namespace nospof::faults {

namespace {

using std::chrono::milliseconds;

constexpr const char* kind_name = "link-flap";
// Shorter than that, and the kernel and daemons don't see a flap.
constexpr std::int64_t least_ms = 10;
constexpr std::int64_t most_ms = 24LL * 3600 * 1000;
// What the helper counts.
constexpr std::size_t downs = 0;
constexpr std::size_t ups = 1;
constexpr std::size_t failures = 2;

struct Rhythm {
  milliseconds down{0};
  milliseconds up{0};
};

// Runs in the helper until it is killed.
void flap(const LinkState& link, const Rhythm& rhythm, const SharedCounters& counters) {
  auto next = std::chrono::steady_clock::now();
  for (;;) {
    set_link_down(link);
    ++counters[downs];
    std::this_thread::sleep_until(next += rhythm.down);
    if (!restore_link_state(link).failed.empty()) ++counters[failures];
    ++counters[ups];
    std::this_thread::sleep_until(next += rhythm.up);
  }
}

class LinkFlapInjection final : public kinds::Injection {
 public:
  LinkFlapInjection(LinkState before, Rhythm rhythm)
      : before_(std::move(before)), rhythm_(rhythm), name_(new_helper_name()) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {restore_link_record(before_, name_)};
  }

  void inject() override {
    if (injected_) throw Error("link-flap: is in force already, or was");
    injected_ = true;
    helper_ = start_helper({.name = name_, .descriptors = {}},
                           [this] { flap(before_, rhythm_, counters_); });
  }

  kinds::Confirmation confirm() override {
    if (!helper_.running()) return {unable, "the helper process that toggles the link has ended"};
    const std::uint64_t down = counters_[downs];
    const std::string evidence = fmt::format(
        "link {} went down {} times and up {} times, {} ms down and {} ms up; it is {} now",
        before_.name, down, counters_[ups].load(), rhythm_.down.count(), rhythm_.up.count(),
        is_link_up(before_.name) ? "up" : "down");
    return {down > 0 ? confirmed : not_yet, evidence};
  }

  void release() override { helper_ = Child(); }

  kinds::Confirmation confirm_healed() override {
    if (helper_.running()) return {not_yet, "the helper process still toggles the link"};
    return confirm_link_restored(before_);
  }

 private:
  using enum kinds::Confirmation::Outcome;
  LinkState before_;
  Rhythm rhythm_;
  std::string name_;
  SharedCounters counters_;
  bool injected_ = false;
  Child helper_;
};

class LinkFlap final : public kinds::Fault {
 public:
  LinkFlap(LinkChoice choice, Rhythm rhythm) : choice_(std::move(choice)), rhythm_(rhythm) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    return std::make_unique<LinkFlapInjection>(require_link(kind_name, choice_, env), rhythm_);
  }

 private:
  LinkChoice choice_;
  Rhythm rhythm_;
};

class LinkFlapKind final : public kinds::FaultKind {
 public:
  LinkFlapKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "A host's link goes down and comes back, again and again.";
    info_.target = spec::TargetType::host;
    info_.parameters = {
        {"down", ParameterType::duration, false, "500ms", {}, "How long it is down.", false},
        {"up", ParameterType::duration, false, "1s", {}, "How long it is up in between.", false},
        {"device",
         ParameterType::text,
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
    const std::int64_t down = milliseconds_of(given, "down");
    const std::int64_t up = milliseconds_of(given, "up");
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {
          {"device", device}, {"address", host->address}, {"down_ms", down}, {"up_ms", up}};
      placement.effect = fmt::format(
          "sets {} of {} down for {} ms and up for {} ms, again and again",
          device.empty() ? "the link with " + host->address : device, host->name, down, up);
      placement.undo = "ends the process that does it, sets the link up and puts back its routes";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    LinkChoice choice{reader.text_or_empty("device"), reader.text_or_empty("address")};
    const Rhythm rhythm{milliseconds(reader.integer_or("down_ms", 500, least_ms, most_ms)),
                        milliseconds(reader.integer_or("up_ms", 1000, least_ms, most_ms))};
    reader.done();
    if (choice.device.empty() && choice.address.empty())
      reader.refuse("address", "is missing, and no 'device' is named");
    return std::make_unique<LinkFlap>(std::move(choice), rhythm);
  }

 private:
  static std::int64_t milliseconds_of(const PlanReader& given, const std::string& name) {
    const auto count = std::chrono::floor<milliseconds>(given.duration(name)).count();
    if (count < least_ms || count > most_ms)
      throw Error(fmt::format("link-flap: parameter '{}' must be from 10ms to 24h", name));
    return count;
  }

  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_link_flap() {
  return std::make_unique<LinkFlapKind>();
}

}  // namespace nospof::faults
