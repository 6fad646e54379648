#pragma once
// One run of a probe that asks: the schedule, deadlines and samples, which all such probes share.
// A kind adds how one request is begun and ended.

#include <list>
#include <memory>

#include "kinds/probe.hpp"
#include "probes/outcomes.hpp"
#include "probes/pace.hpp"
#include "probes/reactor.hpp"

namespace nospof::probes {

/// A request on its way; kinds derive what they need to know of it. It lives until finish().
struct Attempt {
  Attempt() = default;
  virtual ~Attempt() = default;
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  std::uint64_t sequence = 0;
  MonoTime scheduled{};
  MonoTime started{};

 private:
  friend class OpenLoop;
  std::list<std::unique_ptr<Attempt>>::iterator place;
};

/// Everything happens on the thread that calls run(). From 10,000 requests per second on they leave
/// together, and answers are looked at together, in rounds of 100 us: to wake up for each of them
/// takes longer than the requests do.
class OpenLoop {
 public:
  /// References must outlive it.
  OpenLoop(const Pace& pace, int stop_fd, kinds::SampleSink& sink);
  virtual ~OpenLoop() = default;
  OpenLoop(const OpenLoop&) = delete;
  OpenLoop& operator=(const OpenLoop&) = delete;

  /// Until `stop_fd` is readable, or all were asked, and nothing is in flight any more.
  void run();

 protected:
  /// Tells what became of a request, which is gone afterwards. Later than its deadline, or than
  /// `slow`, an answer is no longer `ok`: judged() says so.
  void finish(Attempt& attempt, Failure failure, MonoTime finished);
  /// The outcome of a right answer, by when it came; `detail` as for ok.
  Failure judged(const Attempt& attempt, std::uint16_t detail, MonoTime finished) const;
  bool sending() const { return sending_; }  ///< there will be more requests
  Reactor& reactor() { return reactor_; }
  static MonoTime now() { return std::chrono::steady_clock::now(); }

 private:
  virtual std::unique_ptr<Attempt> make_attempt() = 0;
  /// A request that is due; may finish it at once.
  virtual void begin_attempt(Attempt& attempt) = 0;
  /// Its deadline has passed: lets go of whatever it holds, and says what that makes it.
  virtual Failure expire_attempt(Attempt& attempt) = 0;
  /// Before anything expires: what has come already, but was not looked at, may still be in time.
  virtual void before_expiry() {}
  /// Whatever was ready was told, and whatever was due was begun.
  virtual void after_events() {}
  virtual void each_second() {}
  /// Nothing is in flight and nothing more will be.
  virtual void close() {}

  MonoTime due(std::uint64_t sequence) const { return start_ + pace_.schedule.due(sequence); }
  /// The next moment at which something is to be done, whatever happens until then.
  MonoTime next_moment() const;
  void wait();
  void send_due();
  void send(std::uint64_t sequence, MonoTime scheduled);
  void stop_sending();
  void report(std::uint64_t sequence, MonoTime scheduled, MonoTime started, MonoTime finished,
              Failure failure);
  void expire();
  void tick();
  void end_when_done();

  const Pace& pace_;
  kinds::SampleSink& sink_;
  Reactor reactor_;
  WatchedFd stop_;
  MonoTime start_{};
  MonoTime next_tick_{};
  std::uint64_t next_ = 0;
  MonoTime next_due_{};
  Nanoseconds gap_ = Nanoseconds::max();  ///< between the last two that were due
  MonoTime round_{};                      ///< when it was last looked whether any is due
  bool sending_ = true;
  bool ended_ = false;
  Nanoseconds worst_lateness_{0};
  /// In the order of their deadlines, as all have the same time-out.
  std::list<std::unique_ptr<Attempt>> in_flight_;
};

/// The same for a kind's own Request, derived from Attempt.
template <typename Request>
class OpenLoopOf : public OpenLoop {
 public:
  using OpenLoop::OpenLoop;

 private:
  virtual void begin(Request& request) = 0;
  virtual Failure expire(Request& request) = 0;

  std::unique_ptr<Attempt> make_attempt() final { return std::make_unique<Request>(); }
  void begin_attempt(Attempt& attempt) final { begin(static_cast<Request&>(attempt)); }
  Failure expire_attempt(Attempt& attempt) final { return expire(static_cast<Request&>(attempt)); }
};

}  // namespace nospof::probes
