// A qdisc of ours in force on one host.

#include <algorithm>
#include <exception>
#include <optional>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "faults/echo.hpp"
#include "faults/parameters.hpp"
#include "faults/shaping.hpp"
#include "faults/shaping_snapshot.hpp"
#include "spec/units.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

std::uint32_t drawn_number() {
  std::uint32_t number = 0;
  check("getrandom", ::getrandom(&number, sizeof number, 0));
  return number;
}

std::string release_of_kernel() {
  utsname system{};
  ::uname(&system);
  return system.release;
}

// Runs `work` in a network namespace that exists for this only; says what it threw.
template <typename Work>
std::string failure_apart(Work work) {
  std::string failure;
  std::thread([&] {
    try {
      check("unshare a network namespace to try qdiscs in", ::unshare(CLONE_NEWNET));
      work();
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }).join();
  return failure;
}

void add_filters(TrafficControl& control, const Attachment& at, int ifb,
                 const std::vector<std::vector<PacketBits>>& filters, bool narrowed) {
  Redirect redirect;
  redirect.device = at.index;
  redirect.parent = at.way == Attachment::Way::ingress ? tc_ingress : tc_egress;
  redirect.priority = at.priority;
  redirect.protocol = narrowed ? ETH_P_IP : ETH_P_ALL;
  redirect.class_id = at.mark;
  redirect.to_device = ifb;
  for (const auto& match : filters) {
    redirect.match = match;
    control.add_redirect(redirect);
  }
}

void require_ifb_and_filters(const std::string& kind, const std::string& host) {
  const std::string failure = failure_apart([] {
    TrafficControl control;
    Redirect redirect;
    redirect.to_device = control.add_ifb("nospof");
    redirect.device = redirect.to_device;
    redirect.priority = 1;
    redirect.protocol = ETH_P_ALL;
    redirect.match = {{0, 0, 0}};
    control.add_qdisc(redirect.device, tc_clsact, 0xFFFF0000U, "clsact");
    control.add_redirect(redirect);
  });
  if (failure.empty()) return;
  throw Error(
      fmt::format("{}: the kernel of host '{}' (Linux {}) can't lead packets aside: {}. Needed "
                  "are CONFIG_IFB, CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_U32 and "
                  "CONFIG_NET_ACT_MIRRED, as root; without them the fault can only act on all "
                  "outgoing traffic of devices that have the kernel's default root qdisc",
                  kind, host, release_of_kernel(), failure));
}

// Where time is measured, an answer is waited for; otherwise asking is only to make packets.
Nanoseconds patience_for(const ShapingEffect& effect) {
  using namespace std::chrono_literals;
  return effect.delay.count() > 0 ? 8 * effect.delay + 1s : Nanoseconds(20ms);
}

// Confirmations are asked for 1.5 s.
constexpr Nanoseconds longest_look = std::chrono::milliseconds(700);

class ShapingInjection final : public kinds::Injection {
 public:
  ShapingInjection(std::string kind, ShapingQdisc qdisc, const NetemScope& scope,
                   const ShapingEffect& effect, TrafficControl control,
                   std::vector<Attachment> places, TrafficSnapshot before, const Clock& clock)
      : kind_(std::move(kind)),
        qdisc_(std::move(qdisc)),
        scope_(scope),
        effect_(effect),
        control_(std::move(control)),
        places_(std::move(places)),
        before_(std::move(before)),
        echo_(make_echo(scope, patience_for(effect), clock)),
        clock_(clock) {}

  std::vector<kinds::UndoRecord> undo() const override {
    std::vector<kinds::UndoRecord> records;
    for (const Attachment& at : places_) {
      kinds::UndoRecord record = {{"device", at.device}, {"index", at.index}};
      if (at.way == Attachment::Way::root) {
        record["op"] = "root-qdisc";
        record["kind"] = qdisc_.kind;
        record["handle"] = at.handle;
      } else {
        record["op"] = "redirect";
        record["hook"] = at.way == Attachment::Way::ingress ? "ingress" : "egress";
        record["mark"] = at.mark;
        record["ifb"] = at.ifb;
        record["own_clsact"] = at.own_clsact;
      }
      records.push_back(std::move(record));
    }
    return records;
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already, or was", kind_));
    injected_ = true;
    for (const Attachment& at : places_) {
      if (at.way == Attachment::Way::root)
        control_.add_qdisc(at.index, tc_root, at.handle, qdisc_.kind, qdisc_.options);
      else
        redirect(at);
    }
  }

  kinds::Confirmation confirm() override {
    if (!injected_) return {not_yet, "not in force"};
    const std::vector<QdiscInfo> qdiscs = control_.qdiscs();
    echo_->turn();
    Counted out;
    Counted in;
    std::vector<std::string> told;
    for (const Attachment& at : places_) {
      const QdiscInfo* ours = find(qdiscs, at);
      if (ours == nullptr)
        return {unable, fmt::format("our qdisc {} is gone from {}", qdisc_.kind, place_of(at))};
      if (at.way != Attachment::Way::root && !has_filter(at))
        return {unable, fmt::format("our filter is gone from {}", place_of(at))};
      Counted& way = at.way == Attachment::Way::ingress ? in : out;
      way.asked = true;
      way.passed += ours->packets;
      way.waiting += ours->waiting;
      way.dropped += ours->dropped;
      told.push_back(fmt::format("{} {}: {} packets through, {} dropped, {} waiting", qdisc_.kind,
                                 place_of(at), ours->packets, ours->dropped, ours->waiting));
    }
    note_held(out, in);
    if (held_.count() > 0)
      told.push_back(fmt::format("packets held for {}", spec::human_duration(held_)));
    if (const std::string answers = echo_->text(); !answers.empty()) told.push_back(answers);
    return {bites(out, in) ? confirmed : not_yet, fmt::format("{}", fmt::join(told, "; "))};
  }

  kinds::Confirmation confirm_healed() override {
    const auto devices = device_states(control_);
    for (const Attachment& at : places_) {
      if (const std::string left = left_of(at, devices); !left.empty()) return {not_yet, left};
    }
    const TrafficSnapshot now = traffic_snapshot(devices);
    if (const std::string text = first_difference(before_, now); !text.empty())
      return {not_yet, "not as before: " + text};
    return {confirmed,
            fmt::format("qdiscs and filters of {} devices are as before", now.devices.size())};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  struct Counted {
    bool asked = false;
    std::uint64_t passed = 0;
    std::uint64_t waiting = 0;
    std::uint64_t dropped = 0;
  };

  void redirect(const Attachment& at) {
    const bool outgoing = at.way == Attachment::Way::egress;
    const int ifb = control_.add_ifb(at.ifb);
    control_.add_qdisc(ifb, tc_root, 0x10000U, qdisc_.kind, qdisc_.options);
    if (at.own_clsact && !has_clsact(at.index))
      control_.add_qdisc(at.index, tc_clsact, 0xFFFF0000U, "clsact");
    add_filters(control_, at, ifb, scope_filters(kind_, scope_, outgoing), is_narrowed(scope_));
  }

  // A second direction of the same device finds the one that the first has made.
  bool has_clsact(int device) {
    const auto qdiscs = control_.qdiscs();
    return std::ranges::any_of(qdiscs, [device](const QdiscInfo& qdisc) {
      return qdisc.device == device && qdisc.parent == tc_clsact;
    });
  }

  std::string left_of(const Attachment& at, const std::vector<DeviceState>& devices) const {
    for (const DeviceState& device : devices) {
      if (!at.ifb.empty() && device.link.name == at.ifb)
        return fmt::format("device {} is still there", at.ifb);
      if (device.link.index != at.index) continue;
      for (const QdiscInfo& qdisc : device.qdiscs)
        if (at.way == Attachment::Way::root && qdisc.handle == at.handle)
          return fmt::format("qdisc {} is still at the root of {}", qdisc_.kind, at.device);
      for (const auto* filters : {&device.ingress, &device.egress})
        for (const FilterInfo& filter : *filters)
          if (at.mark != 0 && filter.class_id == at.mark)
            return fmt::format("our filter is still there on {}", at.device);
    }
    return {};
  }

  static std::string place_of(const Attachment& at) {
    if (at.way == Attachment::Way::root) return "at the root of " + at.device;
    return fmt::format("for {} traffic of {} (device {})",
                       at.way == Attachment::Way::ingress ? "incoming" : "outgoing", at.device,
                       at.ifb);
  }

  const QdiscInfo* find(const std::vector<QdiscInfo>& qdiscs, const Attachment& at) const {
    const bool root = at.way == Attachment::Way::root;
    const int device = root ? at.index : static_cast<int>(::if_nametoindex(at.ifb.c_str()));
    for (const QdiscInfo& qdisc : qdiscs)
      if (qdisc.device == device && qdisc.parent == tc_root && qdisc.kind == qdisc_.kind &&
          (!root || qdisc.handle == at.handle))
        return &qdisc;
    return nullptr;
  }

  bool has_filter(const Attachment& at) {
    const auto filters =
        control_.filters(at.index, at.way == Attachment::Way::ingress ? tc_ingress : tc_egress);
    return std::ranges::any_of(
        filters, [&at](const FilterInfo& filter) { return filter.class_id == at.mark; });
  }

  // Packets went through ours, in each direction; what they lose and how late they are shows where
  // it can show.
  bool bites(const Counted& out, const Counted& in) const {
    for (const Counted* way : {&out, &in}) {
      if (!way->asked) continue;
      if (way->passed + way->waiting + way->dropped == 0) return false;
      if (effect_.loses && way->dropped == 0) return false;
    }
    if (effect_.delay.count() == 0) return true;
    if (held_ >= std::min(effect_.delay / 2, longest_look)) return true;
    if (!echo_->timed()) return !echo_->waiting();
    const Nanoseconds whole = effect_.delay * (static_cast<int>(out.asked) + in.asked);
    return echo_->slowest() >= whole / 2;
  }

  // For how long packets have been seen to wait while none came out: a delay that answers take too
  // long to show.
  void note_held(const Counted& out, const Counted& in) {
    if (out.passed + in.passed > 0 || out.waiting + in.waiting == 0) return;
    if (!waiting_since_) waiting_since_ = clock_.now();
    held_ = clock_.now() - *waiting_since_;
  }

  std::string kind_;
  ShapingQdisc qdisc_;
  NetemScope scope_;
  ShapingEffect effect_;
  TrafficControl control_;
  std::vector<Attachment> places_;
  TrafficSnapshot before_;
  std::unique_ptr<Echo> echo_;
  const Clock& clock_;
  std::optional<MonoTime> waiting_since_;
  Nanoseconds held_{0};
  bool injected_ = false;
};

}  // namespace

std::string missing_qdisc(const ShapingQdisc& qdisc) {
  return failure_apart(
      [&qdisc] { TrafficControl().add_qdisc(1, tc_root, 0x10000U, qdisc.kind, qdisc.options); });
}

std::unique_ptr<kinds::Injection> prepare_shaping(const std::string& kind, ShapingQdisc qdisc,
                                                  const NetemScope& scope,
                                                  const ShapingEffect& effect,
                                                  kinds::HostEnv& env) {
  if (const std::string failure = missing_qdisc(qdisc); !failure.empty())
    throw Error(
        fmt::format("{}: the kernel of host '{}' (Linux {}) refuses it: {}. Needed is "
                    "CONFIG_NET_SCH_{} (module sch_{}), as root",
                    kind, env.host, release_of_kernel(), failure,
                    qdisc.kind == "netem" ? "NETEM" : "TBF", qdisc.kind));
  TrafficControl control;
  const auto devices = device_states(control);
  auto places = plan_attachments(kind, scope, devices, drawn_number());
  scope_filters(kind, scope, true);
  if (std::ranges::any_of(places, [](const auto& at) { return at.way != Attachment::Way::root; }))
    require_ifb_and_filters(kind, env.host);
  return std::make_unique<ShapingInjection>(kind, std::move(qdisc), scope, effect,
                                            std::move(control), std::move(places),
                                            traffic_snapshot(devices), clock_of(env));
}

}  // namespace nospof::faults
