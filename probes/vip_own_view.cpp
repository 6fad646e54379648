#include <array>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>
#include <net/if.h>

#include "probes/looking.hpp"
#include "probes/vip_states.hpp"
#include "probes/vip_views.hpp"
#include "system/address_watch.hpp"

namespace nospof::probes {

namespace {

// One run: everything happens on the thread that calls run().
class OwnRun {
 public:
  OwnRun(const VipConfig& config, AddressWatch& watch, int stop_fd, kinds::SampleSink& sink)
      : config_(config),
        watch_(watch),
        stop_fd_(stop_fd),
        sink_(sink),
        findings_(config.address),
        rounds_(sink) {}

  void run() {
    const std::int64_t period = config_.period.count();
    std::int64_t due = now_ns();
    for (bool stop = false; !stop;) {
      look();
      while (due <= now_ns()) due += period;
      stop = wait_to_look(stop_fd_, watch_.fd(), due);
    }
    rounds_.finish();
  }

 private:
  void look() {
    // First what the kernel told, so that what came and went in the meantime is seen. It tells a
    // moment after it is so: all that is certain is that it was not so in the last look.
    while (const auto change = watch_.next()) {
      if (!last_begin_ns_) continue;
      if (change->added)
        places_.insert(change->place);
      else
        places_.erase(change->place);
      tell(*last_begin_ns_);
    }
    const std::int64_t begin_ns = now_ns();
    places_ = watch_.ask();
    tell(begin_ns);
    last_begin_ns_ = begin_ns;
    rounds_.looked(now_ns(), true);
  }

  void tell(std::int64_t begin_ns) {
    for (const kinds::Finding& finding :
         findings_.seen(state_of_holder(devices()), {begin_ns, now_ns()}))
      sink_.found(finding);
  }

  std::set<std::string> devices() {
    std::set<std::string> names;
    for (const AddressPlace& place : places_) {
      std::array<char, IF_NAMESIZE> name{};
      const bool there = ::if_indextoname(static_cast<unsigned>(place.interface), name.data());
      names.insert(there ? std::string(name.data())
                         : fmt::format("a device that is gone (index {})", place.interface));
    }
    return names;
  }

  const VipConfig& config_;
  AddressWatch& watch_;
  const int stop_fd_;
  kinds::SampleSink& sink_;
  StateFindings findings_;
  Rounds rounds_;
  std::set<AddressPlace> places_;
  std::optional<std::int64_t> last_begin_ns_;  ///< nothing before the first look
};

class OwnView final : public kinds::Probe {
 public:
  explicit OwnView(VipConfig config) : config_(std::move(config)), watch_(config_.ip) {}
  void run(int stop_fd, kinds::SampleSink& sink) override {
    OwnRun(config_, watch_, stop_fd, sink).run();
  }

 private:
  VipConfig config_;
  AddressWatch watch_;
};

}  // namespace

std::unique_ptr<kinds::Probe> make_vip_own_view(VipConfig config) {
  return std::make_unique<OwnView>(std::move(config));
}

}  // namespace nospof::probes
