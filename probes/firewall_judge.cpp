#include "probes/firewall_judge.hpp"

#include <set>
#include <string_view>

namespace nospof::probes {

namespace {

bool is_answer(Reach reach) {
  return reach == Reach::open || reach == Reach::refused || reach == Reach::rejected;
}

FirewallVerdict judge_forbidden(Reach reach, const FirewallView& view) {
  switch (reach) {
    case Reach::open:
      return FirewallVerdict::so;
    case Reach::refused:
    case Reach::rejected:
      return FirewallVerdict::not_so;
    case Reach::silent:
      return view.anybody_answered ? FirewallVerdict::not_so : FirewallVerdict::undecided;
    case Reach::unreachable:
    case Reach::local_error:
      break;
  }
  return FirewallVerdict::undecided;
}

FirewallVerdict judge_allowed(const FirewallTarget& target, Reach reach, const FirewallView& view) {
  switch (reach) {
    case Reach::open:
      return FirewallVerdict::not_so;
    case Reach::refused:
      // Where a service should listen it may be down, or a filter sent the RST.
      return target.listening ? FirewallVerdict::undecided : FirewallVerdict::not_so;
    case Reach::rejected:
      return target.listening ? FirewallVerdict::so : FirewallVerdict::not_so;
    case Reach::silent:
      return target.listening && view.host_answered ? FirewallVerdict::so
                                                    : FirewallVerdict::undecided;
    case Reach::unreachable:
    case Reach::local_error:
      break;
  }
  return FirewallVerdict::undecided;
}

}  // namespace

FirewallVerdict judge_reach(const FirewallTarget& target, Reach reach, const FirewallView& view) {
  return target.allowed ? judge_allowed(target, reach, view) : judge_forbidden(reach, view);
}

std::vector<FirewallVerdict> judge_round(const FirewallConfig& config,
                                         const std::vector<Reached>& reached) {
  std::set<std::string_view> answering;
  bool anybody = false;
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (!is_answer(reached[i].reach)) continue;
    answering.insert(config.targets[i].to);
    // This host answers itself also when it is cut off.
    anybody = anybody || config.targets[i].to != config.from;
  }
  std::vector<FirewallVerdict> verdicts;
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const FirewallTarget& target = config.targets[i];
    verdicts.push_back(
        judge_reach(target, reached[i].reach, {anybody, answering.contains(target.to)}));
  }
  return verdicts;
}

}  // namespace nospof::probes
