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
      : config_(config),
        endpoints_(endpoints),
        stop_fd_(stop_fd),
        sink_(sink),
        decisions_(expectations(config), sink) {
    watched_.reserve(config.targets.size());
    was_silent_.resize(config.targets.size(), false);
    for (const FirewallTarget& target : config.targets)
      watched_.emplace_back(target.allowed ? "closed" : "open", subject_of(config, target),
                            !target.allowed);
  }

  /// False when it was stopped in the middle.
  bool round() {
    kinds::Round round;
    round.begin_ns = monotonic_ns();
    const std::vector<Reached> reached =
        sweep(endpoints_, config_.timeout, config_.max_in_flight, stop_fd_);
    if (reached.empty()) return false;
    std::vector<FirewallVerdict> verdicts = judge_round(config_, reached);
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      // Found to be closed as nothing came back. Whoever refuses now may be a filter as well, but
      // what was found is over; else it would stand for ever where nobody listens.
      if (reached[i].reach == Reach::refused && watched_[i].so() && was_silent_[i])
        verdicts[i] = FirewallVerdict::not_so;
      if (verdicts[i] == FirewallVerdict::undecided) continue;
      // An allowed port that refuses is no violation, and not open either.
      if (!config_.targets[i].allowed || reached[i].reach == Reach::open ||
          verdicts[i] == FirewallVerdict::so)
        decisions_.decided(i);
      was_silent_[i] = reached[i].reach == Reach::silent;
      watched_[i].saw(verdicts[i] == FirewallVerdict::so, {reached[i].begin_ns, reached[i].end_ns},
                      detail_of(config_.targets[i], reached[i], config_.timeout), sink_);
    }
    round.end_ns = monotonic_ns();
    round.checked = verdicts.size();
    round.undecided =
        static_cast<std::uint64_t>(std::ranges::count(verdicts, FirewallVerdict::undecided));
    decisions_.tell();
    sink_.looked(round);
    return true;
  }

 private:
  static std::string subject_of(const FirewallConfig& config, const FirewallTarget& target) {
    return fmt::format("{} -> {}:{}/tcp", config.from, target.to, target.port);
  }
  static std::vector<kinds::Expectation> expectations(const FirewallConfig& config) {
    std::vector<kinds::Expectation> all;
    for (const FirewallTarget& target : config.targets)
      all.push_back({subject_of(config, target), target.allowed ? "open" : "closed"});
    return all;
  }

  const FirewallConfig& config_;
  const std::vector<Endpoint>& endpoints_;
  int stop_fd_;
  kinds::SampleSink& sink_;
  Decisions decisions_;           ///< by target
  std::vector<Watched> watched_;  ///< by target
  std::vector<bool> was_silent_;  ///< by target, in the last look that decided it
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
