#pragma once
// Several coroutines side by side on one io_context, all awaited before anything goes on.

#include <exception>
#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nospof::control {

namespace asio = boost::asio;

/// Runs them all and returns when the last has ended; then throws the first error, if there was
/// one. None outlives the call, so they may refer to the caller's locals.
inline asio::awaitable<void> in_parallel(asio::io_context& context,
                                         std::vector<asio::awaitable<void>> tasks) {
  if (tasks.empty()) co_return;
  asio::steady_timer all_done(context, asio::steady_timer::time_point::max());
  std::size_t running = tasks.size();
  std::exception_ptr first_error;
  for (auto& task : tasks) {
    asio::co_spawn(context, std::move(task), [&](std::exception_ptr error) {
      if (error && !first_error) first_error = error;
      if (--running == 0) all_done.cancel();
    });
  }
  boost::system::error_code ignored;
  while (running > 0)
    co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace nospof::control
