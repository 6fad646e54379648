#include "probes/open_loop.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>

#include "system/check.hpp"

namespace nospof::probes {

using kinds::Outcome;

namespace {
constexpr auto tick_period = std::chrono::seconds(1);
}  // namespace

OpenLoop::OpenLoop(const Pace& pace, int stop_fd, kinds::SampleSink& sink)
    : pace_(pace),
      sink_(sink),
      stop_(io_, check("duplicate the stop descriptor", ::fcntl(stop_fd, F_DUPFD_CLOEXEC, 0))) {}

void OpenLoop::run() {
  start_ = now() + pace_.schedule.until_first(SystemClock().wall());
  next_tick_ = start_;
  stop_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [this](const boost::system::error_code& error) {
                     if (!error) stop_sending();
                   });
  wait_for_due();
  tick();
  io_.run();
  sink_.lateness(worst_lateness_.count());
}

void OpenLoop::wait_for_due() {
  due_timer_.expires_at(due(next_));
  due_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send_due();
  });
}

void OpenLoop::send_due() {
  const MonoTime until = now();
  while (sending_ && due(next_) <= until) {
    const std::uint64_t sequence = next_++;
    const bool last = next_ == pace_.count;
    send(sequence, due(sequence));
    if (last) stop_sending();
  }
  if (sending_) wait_for_due();
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
  if (!deadline_armed_) wait_for_deadline();
  begin_attempt(attempt);
}

void OpenLoop::stop_sending() {
  sending_ = false;
  due_timer_.cancel();
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

void OpenLoop::wait_for_deadline() {
  deadline_armed_ = !in_flight_.empty() && !ended_;
  if (!deadline_armed_) return;
  deadline_timer_.expires_at(in_flight_.front()->scheduled + pace_.timeout);
  deadline_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) expire();
  });
}

void OpenLoop::expire() {
  before_expiry();
  const MonoTime reached = now();
  while (!in_flight_.empty() && in_flight_.front()->scheduled + pace_.timeout <= reached) {
    Attempt& attempt = *in_flight_.front();
    finish(attempt, expire_attempt(attempt), reached);
  }
  wait_for_deadline();
}

// Once a second: what cannot be left to events.
void OpenLoop::tick() {
  if (ended_) return;  // it was on its way already when it was cancelled
  sink_.lateness(std::exchange(worst_lateness_, Nanoseconds(0)).count());
  each_second();
  next_tick_ += tick_period;
  tick_timer_.expires_at(next_tick_);
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

void OpenLoop::end_when_done() {
  if (sending_ || !in_flight_.empty() || ended_) return;
  ended_ = true;
  deadline_timer_.cancel();
  tick_timer_.cancel();
  stop_.close();
  close();
}

}  // namespace nospof::probes
