#pragma once
// The controller's end of a prober process on a vantage host.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/json/object.hpp>

#include "control/prober_message.hpp"
#include "hosts/transport.hpp"

namespace nospof::control {

namespace asio = boost::asio;
namespace json = boost::json;

/// One probe of a prober.
struct ProbeOrder {
  std::string name;
  std::string kind;
  json::object config;
};

class ProberClient {
 public:
  ProberClient(asio::io_context& context, hosts::RemoteProcess process, std::string host,
               ProberEvents events);

  /// Sends the configuration and waits until the prober says it is ready; throws Error with its
  /// reason, also when it is not ready in time: its host may stand still. `realtime`: a busy host
  /// is not to make them late, if it lets them go first.
  asio::awaitable<void> start(const std::vector<ProbeOrder>& probes, bool realtime = false,
                              std::chrono::milliseconds within = std::chrono::seconds(10));
  /// What time it is there, as agents answer it; one question at a time. Throws Error when it does
  /// not answer.
  asio::awaitable<json::object> clock(std::chrono::milliseconds within);
  /// Asks it to stop, takes what is still in flight (bounded by `at_most`), and reaps it.
  asio::awaitable<void> stop(std::chrono::milliseconds at_most);
  /// Empty while it runs as it should; otherwise why it does not.
  const std::string& failure() const { return failure_; }

 private:
  asio::awaitable<std::string> first_answer(const std::string& request);
  asio::awaitable<std::string> read_line();
  asio::awaitable<void> read_loop();
  void take(const json::object& message);

  asio::io_context& context_;
  asio::posix::stream_descriptor in_;
  asio::posix::stream_descriptor out_;
  Child child_;
  std::string host_;
  ProberEvents events_;
  asio::streambuf buffer_;
  struct ClockQuestion;
  std::shared_ptr<ClockQuestion> asked_clock_;
  std::int64_t clock_questions_ = 0;
  std::string failure_;
  bool done_ = false;
  bool reading_ = false;
};

}  // namespace nospof::control
