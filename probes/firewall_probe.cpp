#include "probes/firewall_probe.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "probes/firewall_judge.hpp"
#include "probes/rounds.hpp"

namespace nospof::probes {

namespace {

std::string detail_of(const FirewallTarget& target, const Reached& reached, Nanoseconds timeout) {
  std::string seen(reach_name(reached.reach));
  if (reached.reach == Reach::silent)
    seen += fmt::format(" for {} ms",
                        std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count());
  if (reached.error_number != 0) seen += fmt::format(" (errno {})", reached.error_number);
  return fmt::format("{}:{} is {}; it is {}allowed", target.address, target.port, seen,
                     target.allowed ? "" : "not ");
}

class FirewallRun {
 public:
  FirewallRun(const FirewallConfig& config, const std::vector<Endpoint>& endpoints, int stop_fd,
              kinds::SampleSink& sink)
      : config_(config), endpoints_(endpoints), stop_fd_(stop_fd), sink_(sink) {
    watched_.reserve(config.targets.size());
    for (const FirewallTarget& target : config.targets)
      watched_.emplace_back(target.allowed ? "closed" : "open",
                            fmt::format("{} -> {}:{}/tcp", config.from, target.to, target.port),
                            !target.allowed);
  }

  /// False when it was stopped in the middle.
  bool round() {
    kinds::Round round;
    round.begin_ns = monotonic_ns();
    const std::vector<Reached> reached =
        sweep(endpoints_, config_.timeout, config_.max_in_flight, stop_fd_);
    if (reached.empty()) return false;
    const std::vector<FirewallVerdict> verdicts = judge_round(config_, reached);
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      if (verdicts[i] == FirewallVerdict::undecided) continue;
      watched_[i].saw(verdicts[i] == FirewallVerdict::so, {reached[i].begin_ns, reached[i].end_ns},
                      detail_of(config_.targets[i], reached[i], config_.timeout), sink_);
    }
    round.end_ns = monotonic_ns();
    round.checked = verdicts.size();
    round.undecided =
        static_cast<std::uint64_t>(std::ranges::count(verdicts, FirewallVerdict::undecided));
    sink_.looked(round);
    return true;
  }

 private:
  const FirewallConfig& config_;
  const std::vector<Endpoint>& endpoints_;
  int stop_fd_;
  kinds::SampleSink& sink_;
  std::vector<Watched> watched_;  ///< by target
};

class FirewallProbe final : public kinds::Probe {
 public:
  explicit FirewallProbe(FirewallConfig config) : config_(std::move(config)) {
    for (const FirewallTarget& target : config_.targets)
      endpoints_.push_back(resolve_endpoint(target.address, target.port));
  }

  void run(int stop_fd, kinds::SampleSink& sink) override {
    FirewallRun run(config_, endpoints_, stop_fd, sink);
    run_rounds(stop_fd, config_.every, [&run] { return run.round(); });
  }

 private:
  FirewallConfig config_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace

std::unique_ptr<kinds::Probe> make_firewall_probe(FirewallConfig config) {
  return std::make_unique<FirewallProbe>(std::move(config));
}

}  // namespace nospof::probes
