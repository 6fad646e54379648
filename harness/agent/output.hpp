#pragma once
// The agent's stdout: a queue that nothing waits for, since the controller may have stopped
// reading.

#include <chrono>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include "system/fd.hpp"

namespace nospof::agent {

namespace asio = boost::asio;
namespace json = boost::json;

class Output {
 public:
  /// `on_broken` is called once, from the event loop, when nobody reads any more: the other end is
  /// closed, or too much waits to be read.
  Output(const asio::any_io_executor& executor, UniqueFd fd,
         std::function<void(std::string why)> on_broken);

  /// Queues one line; never waits.
  void send(const json::object& message);
  /// Waits until everything is written, at most that long.
  asio::awaitable<void> flush(std::chrono::milliseconds at_most);

 private:
  void write_more();
  void give_up(const std::string& why);

  asio::posix::stream_descriptor stream_;
  asio::steady_timer drained_;
  std::function<void(std::string)> on_broken_;
  std::string queued_;
  std::string writing_;
  bool broken_ = false;
};

}  // namespace nospof::agent
