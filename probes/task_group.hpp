#pragma once
// Coroutines that run side by side on one thread, and the end of them all. Brings Asio.

#include <cstddef>
#include <exception>
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
  explicit TaskGroup(boost::asio::io_context& io)
      : io_(io), done_(io, boost::asio::steady_timer::time_point::max()) {}

  void spawn(boost::asio::awaitable<void> task) {
    ++running_;
    boost::asio::co_spawn(io_, std::move(task), [this](const std::exception_ptr& error) {
      if (error && !error_) error_ = error;
      if (--running_ == 0) done_.cancel();
    });
  }
  /// Throws what the first task that failed has thrown, once all are over.
  boost::asio::awaitable<void> all_done() {
    while (running_ > 0)
      co_await done_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error_) std::rethrow_exception(error_);
  }

 private:
  boost::asio::io_context& io_;
  boost::asio::steady_timer done_;
  std::size_t running_ = 0;
  std::exception_ptr error_;
};

}  // namespace nospof::probes
