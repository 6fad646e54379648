#pragma once
// Ctrl-C and friends: everything that waits in the controller waits here, so that an interruption
// ends it.

#include <exception>
#include <set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "system/clock.hpp"

namespace nospof::control {

namespace asio = boost::asio;

/// Thrown out of Interruption::sleep() once a signal has arrived.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal_number) : signal_number_(signal_number) {}
  int signal_number() const { return signal_number_; }
  const char* what() const noexcept override { return "interrupted"; }

 private:
  int signal_number_;
};

/// Catches SIGINT, SIGTERM and SIGHUP as long as it lives.
class Interruption {
 public:
  explicit Interruption(asio::io_context& context);
  /// 0 while none has arrived.
  int signal_number() const { return signal_number_; }
  void check() const;
  /// Waits; throws Interrupted at once when a signal arrives (or had arrived before).
  asio::awaitable<void> sleep(Nanoseconds duration);
  /// Waits whatever arrives: for healing, which is not to be cut short.
  asio::awaitable<void> sleep_through(Nanoseconds duration);
  asio::io_context& context() { return context_; }
  /// No longer keeps the io_context busy.
  void stop();

 private:
  void wait();
  asio::io_context& context_;
  asio::signal_set signals_;
  std::set<asio::steady_timer*> sleepers_;
  int signal_number_ = 0;
};

}  // namespace nospof::control
