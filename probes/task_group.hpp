#pragma once
// Coroutines that run side by side on one thread, and the end of them all. Brings Asio.

#include <cstddef>
#include <exception>
#include <functional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nospof::probes {

/// Must outlive its tasks: whoever spawned any waits for all_done() before it goes.
class TaskGroup {
 public:
  /// `on_failure` is called once, as soon as a task has thrown: the others go on.
  explicit TaskGroup(boost::asio::io_context& io, std::function<void()> on_failure = {})
      : io_(io),
        done_(io, boost::asio::steady_timer::time_point::max()),
        on_failure_(std::move(on_failure)) {}

  void spawn(boost::asio::awaitable<void> task) {
    ++running_;
    boost::asio::co_spawn(io_, std::move(task), [this](const std::exception_ptr& error) {
      if (--running_ == 0) done_.cancel();
      if (!error || error_) return;
      error_ = error;
      if (on_failure_) on_failure_();
    });
  }
  bool failed() const { return error_ != nullptr; }
  /// Throws what the first task that failed has thrown, once all are over.
  boost::asio::awaitable<void> all_done() {
    while (running_ > 0)
      co_await done_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error_) std::rethrow_exception(error_);
  }

 private:
  boost::asio::io_context& io_;
  boost::asio::steady_timer done_;
  std::function<void()> on_failure_;
  std::size_t running_ = 0;
  std::exception_ptr error_;
};

}  // namespace nospof::probes
