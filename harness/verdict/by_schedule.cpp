#include "verdict/by_schedule.hpp"

#include "verdict/outages.hpp"

namespace nospof::verdict {

void Overtaking::add(const kinds::Sample& sample) {
  latest_ns_ = std::max(latest_ns_.value_or(sample.scheduled_ns), sample.scheduled_ns);
  most_ns_ = std::max(most_ns_, *latest_ns_ - sample.scheduled_ns);
}

bool BySchedule::Later::operator()(const kinds::Sample& a, const kinds::Sample& b) const {
  return earlier(b, a);
}

void BySchedule::give_first() {
  next_(waiting_.top());
  waiting_.pop();
}

void BySchedule::add(const kinds::Sample& sample) {
  waiting_.push(sample);
  latest_ns_ = std::max(latest_ns_.value_or(sample.scheduled_ns), sample.scheduled_ns);
  while (waiting_.top().scheduled_ns < *latest_ns_ - most_ns_) give_first();
}

void BySchedule::finish() {
  while (!waiting_.empty()) give_first();
}

}  // namespace nospof::verdict
