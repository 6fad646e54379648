#include <optional>
#include <set>

#include "probes/looking.hpp"
#include "probes/vip_states.hpp"
#include "probes/vip_views.hpp"
#include "system/arp_probe.hpp"

namespace nospof::probes {

namespace {

// One run: everything happens on the thread that calls run().
class LinkRun {
 public:
  LinkRun(const VipConfig& config, ArpProbe& arp, int stop_fd, kinds::SampleSink& sink)
      : period_ns_(config.period.count()),
        arp_(arp),
        stop_fd_(stop_fd),
        sink_(sink),
        findings_(config.address),
        rounds_(sink) {}

  void run() {
    for (std::int64_t due = now_ns();;) {
      ask();
      while (due <= asked_ns_) due += period_ns_;
      if (hear_until(due)) break;  // what was asked last is not waited for
      conclude();
    }
    rounds_.finish();
  }

 private:
  void ask() {
    tag_ = (tag_ + 1) % ArpProbe::tags;
    owners_.clear();
    asked_ns_ = now_ns();
    sent_ = arp_.ask(tag_);
  }

  // Returns whether it is time to stop.
  bool hear_until(std::int64_t until_ns) {
    for (;;) {
      const bool over = now_ns() >= until_ns;
      // Also after a late awakening: what was answered in time is there.
      while (const auto answer = arp_.take_answer())
        if (answer->tag == tag_) owners_.insert(answer->mac);
      if (over) return false;
      if (wait_to_look(stop_fd_, arp_.fd(), until_ns)) return true;
    }
  }

  void conclude() {
    const std::int64_t end_ns = now_ns();
    if (sent_)
      for (const kinds::Finding& finding :
           findings_.seen(state_of_link(owners_), {asked_ns_, end_ns}))
        sink_.found(finding);
    rounds_.looked(end_ns, sent_);
  }

  const std::int64_t period_ns_;
  ArpProbe& arp_;
  const int stop_fd_;
  kinds::SampleSink& sink_;
  StateFindings findings_;
  Rounds rounds_;
  unsigned tag_ = 0;
  std::set<MacAddress> owners_;  ///< who has answered the last request
  std::int64_t asked_ns_ = 0;
  bool sent_ = false;
};

class LinkView final : public kinds::Probe {
 public:
  explicit LinkView(VipConfig config) : config_(std::move(config)), arp_(config_.ip) {}
  void run(int stop_fd, kinds::SampleSink& sink) override {
    LinkRun(config_, arp_, stop_fd, sink).run();
  }

 private:
  VipConfig config_;
  ArpProbe arp_;
};

}  // namespace

std::unique_ptr<kinds::Probe> make_vip_link_view(VipConfig config) {
  return std::make_unique<LinkView>(std::move(config));
}

}  // namespace nospof::probes
