#include "probes/lasting.hpp"

namespace nospof::probes {

std::vector<kinds::Finding> LastingFindings::look(const std::map<std::string, std::string>& seen,
                                                  LookTime time) {
  std::vector<kinds::Finding> told;
  for (const auto& [subject, detail] : seen) {
    const auto [found, is_new] = lasting_.try_emplace(
        subject, Lasting{time.answered_ns, last_asked_ns_, 0, 0, detail, false});
    Lasting& lasting = found->second;
    lasting.asked_ns = time.asked_ns;
    if (lasting.steady_ns == 0) lasting.steady_ns = time.answered_ns;
    if (lasting.told || time.answered_ns - lasting.steady_ns < told_after_ns_) continue;
    lasting.told = true;
    told.push_back(
        {lasting.at_ns, lasting.since_ns, what_, subject, lasting.detail, violation_, false});
  }
  for (auto item = lasting_.begin(); item != lasting_.end();) {
    const auto& [subject, lasting] = *item;
    if (seen.contains(subject)) {
      ++item;
      continue;
    }
    if (lasting.told)
      told.push_back(
          {time.answered_ns, lasting.asked_ns, what_, subject, lasting.detail, violation_, true});
    item = lasting_.erase(item);
  }
  last_asked_ns_ = time.asked_ns;
  return told;
}

void LastingFindings::unknown() {
  for (auto& [subject, lasting] : lasting_) lasting.steady_ns = 0;
}

}  // namespace nospof::probes
