#include "control/interrupt.hpp"

#include <csignal>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nospof::control {

Interruption::Interruption(asio::io_context& context)
    : context_(context), signals_(context, SIGINT, SIGTERM, SIGHUP) {
  wait();
}

void Interruption::wait() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    if (signal_number_ == 0) signal_number_ = number;
    for (asio::steady_timer* timer : sleepers_) timer->cancel();
    wait();
  });
}

void Interruption::check() const {
  if (signal_number_ != 0) throw Interrupted(signal_number_);
}

asio::awaitable<void> Interruption::sleep(Nanoseconds duration) {
  check();
  asio::steady_timer timer(context_, duration);
  const auto place = sleepers_.insert(&timer).first;
  boost::system::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  sleepers_.erase(place);
  check();
}

asio::awaitable<void> Interruption::sleep_through(Nanoseconds duration) {
  asio::steady_timer timer(context_, duration);
  boost::system::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
}

void Interruption::stop() {
  boost::system::error_code ignored;
  signals_.cancel(ignored);
}

}  // namespace nospof::control
