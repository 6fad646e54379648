#include "probes/open_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>

#include "system/check.hpp"

namespace nospof::probes {

using kinds::Outcome;

namespace {
constexpr auto tick_period = std::chrono::seconds(1);
constexpr auto round_time = std::chrono::microseconds(100);
}  // namespace

OpenLoop::OpenLoop(const Pace& pace, int stop_fd, kinds::SampleSink& sink)
    : pace_(pace),
      sink_(sink),
      stop_(reactor_,
            UniqueFd(check("duplicate the stop descriptor", ::fcntl(stop_fd, F_DUPFD_CLOEXEC, 0))),
            [this] { stop_sending(); }) {}

void OpenLoop::run() {
  start_ = now() + pace_.schedule.until_first(SystemClock().wall());
  next_due_ = due(0);
  next_tick_ = start_;
  stop_.wait_for(WatchedFd::For::reading);
  while (!ended_) {
    wait();
    send_due();
    expire();
    after_events();
    tick();
  }
  sink_.lateness(worst_lateness_.count());
}

MonoTime OpenLoop::next_moment() const {
  MonoTime next = next_tick_;
  if (sending_) next = std::min(next, next_due_);
  if (!in_flight_.empty()) next = std::min(next, in_flight_.front()->scheduled + pace_.timeout);
  return next;
}

void OpenLoop::wait() {
  if (sending_ && gap_ <= round_time) {
    reactor_.sleep(std::max(next_due_, round_ + round_time));
  } else {
    reactor_.wait(next_moment());
  }
}

void OpenLoop::send_due() {
  const MonoTime until = now();
  round_ = until;
  while (sending_ && next_due_ <= until) {
    const std::uint64_t sequence = next_++;
    const MonoTime scheduled = std::exchange(next_due_, due(next_));
    gap_ = next_due_ - scheduled;
    const bool last = next_ == pace_.count;
    send(sequence, scheduled);
    if (last) stop_sending();
  }
}

void OpenLoop::send(std::uint64_t sequence, MonoTime scheduled) {
  const MonoTime started = now();
  worst_lateness_ = std::max(worst_lateness_, Nanoseconds(started - scheduled));
  if (started >= scheduled + pace_.timeout)
    return report(sequence, scheduled, started, started, {Outcome::local_error, ETIME});
  if (in_flight_.size() >= pace_.max_in_flight)
    return report(sequence, scheduled, started, started, {Outcome::local_error, EBUSY});
  const auto place = in_flight_.insert(in_flight_.end(), make_attempt());
  Attempt& attempt = **place;
  attempt.place = place;
  attempt.sequence = sequence;
  attempt.scheduled = scheduled;
  attempt.started = started;
  begin_attempt(attempt);
}

void OpenLoop::stop_sending() {
  sending_ = false;
  stop_.close();
  end_when_done();
}

Failure OpenLoop::judged(const Attempt& attempt, std::uint16_t detail, MonoTime finished) const {
  const Nanoseconds latency = finished - attempt.scheduled;
  if (latency > pace_.timeout) return deadline_failure(true);
  return {latency > pace_.slow ? Outcome::slow : Outcome::ok, detail};
}

void OpenLoop::finish(Attempt& attempt, Failure failure, MonoTime finished) {
  report(attempt.sequence, attempt.scheduled, attempt.started, finished, failure);
  in_flight_.erase(attempt.place);
  end_when_done();
}

void OpenLoop::report(std::uint64_t sequence, MonoTime scheduled, MonoTime started,
                      MonoTime finished, Failure failure) {
  sink_.add({sequence, scheduled.time_since_epoch().count(), started.time_since_epoch().count(),
             finished.time_since_epoch().count(), failure.outcome, failure.detail});
}

void OpenLoop::expire() {
  const MonoTime reached = now();
  const auto expired = [&] {
    return !in_flight_.empty() && in_flight_.front()->scheduled + pace_.timeout <= reached;
  };
  if (!expired()) return;
  before_expiry();
  while (expired()) {
    Attempt& attempt = *in_flight_.front();
    finish(attempt, expire_attempt(attempt), reached);
  }
}

// Once a second: what cannot be left to events.
void OpenLoop::tick() {
  if (ended_ || now() < next_tick_) return;
  sink_.lateness(std::exchange(worst_lateness_, Nanoseconds(0)).count());
  each_second();
  next_tick_ += tick_period;
}

void OpenLoop::end_when_done() {
  if (sending_ || !in_flight_.empty() || ended_) return;
  ended_ = true;
  close();
}

}  // namespace nospof::probes
