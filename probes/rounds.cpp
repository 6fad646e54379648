#include "probes/rounds.hpp"

#include <utility>

#include <poll.h>

namespace nospof::probes {

namespace {

MonoTime now() {
  return std::chrono::steady_clock::now();
}

/// Waits until `due`; false when it is to stop before.
bool wait_until(MonoTime due, int stop_fd) {
  for (;;) {
    const Nanoseconds left = std::max(Nanoseconds(0), Nanoseconds(due - now()));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec wait{static_cast<time_t>(seconds.count()),
                        static_cast<long>((left - seconds).count())};
    pollfd entry{stop_fd, POLLIN, 0};
    if (::ppoll(&entry, 1, &wait, nullptr) > 0) return false;
    if (now() >= due) return true;
  }
}

}  // namespace

void run_rounds(int stop_fd, Nanoseconds every, const std::function<bool()>& round) {
  MonoTime due = now();
  while (wait_until(due, stop_fd)) {
    if (!round()) return;
    const MonoTime ended = now();
    due += every;
    if (due < ended) due += (ended - due) / every * every;
  }
}

std::int64_t monotonic_ns() {
  return Nanoseconds(now().time_since_epoch()).count();
}

Decisions::Decisions(const std::vector<kinds::Expectation>& all, kinds::SampleSink& sink)
    : sink_(sink), known_(all.size(), false) {
  sink_.expects(all);
}

void Decisions::decided(std::size_t place) {
  if (known_.at(place)) return;
  known_[place] = true;
  news_.push_back(place);
}

void Decisions::tell() {
  if (!news_.empty()) sink_.decided(news_);
  news_.clear();
}

void Watched::saw(bool so, LookSpan look, const std::string& detail, kinds::SampleSink& sink) {
  const std::int64_t before = std::exchange(last_begin_ns_, look.begin_ns);
  if (so == so_) return;
  so_ = so;
  kinds::Finding finding;
  finding.at_ns = look.end_ns;
  finding.since_ns = before;
  finding.what = what_;
  finding.subject = subject_;
  finding.detail = detail;
  finding.violation = violation_;
  finding.over = !so;
  sink.found(finding);
}

}  // namespace nospof::probes
