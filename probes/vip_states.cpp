#include "probes/vip_states.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace nospof::probes {

std::vector<kinds::Finding> StateFindings::seen(const State& state, Look look) {
  std::vector<kinds::Finding> findings;
  if (!state_ || state_->what != state.what || state_->which != state.which) {
    const std::int64_t since_ns = state_ ? seen_so_ns_ : 0;
    const auto tell = [&](const State& told, bool over) {
      if (told.what.empty()) return;
      findings.push_back({.at_ns = look.end_ns,
                          .since_ns = since_ns,
                          .what = told.what,
                          .subject = subject_,
                          .detail = told.detail,
                          .violation = false,
                          .over = over});
    };
    if (state_) tell(*state_, true);
    tell(state, false);
  }
  state_ = state;
  seen_so_ns_ = look.begin_ns;
  return findings;
}

StateFindings::State state_of_holder(const std::set<std::string>& devices) {
  if (devices.empty()) return {};
  return {"holds", "", fmt::format("on {}", fmt::join(devices, ", "))};
}

StateFindings::State state_of_link(const std::set<MacAddress>& owners) {
  if (owners.empty()) return {"no-owner", "", "nobody answers ARP requests"};
  std::vector<std::string> texts;
  for (const MacAddress& owner : owners) texts.push_back(text_of(owner));
  const std::string all = fmt::format("{}", fmt::join(texts, ", "));
  return {owners.size() == 1 ? "owner" : "two-owners", all, all};
}

}  // namespace nospof::probes
