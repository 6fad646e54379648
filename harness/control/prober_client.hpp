#pragma once
// The controller's end of a prober process on a vantage host.

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/json/object.hpp>

#include "hosts/transport.hpp"
#include "kinds/sample.hpp"

namespace nospof::control {

namespace asio = boost::asio;
namespace json = boost::json;

class ProberClient {
 public:
  using OnSamples = std::function<void(const std::vector<kinds::Sample>&)>;
  using OnLateness = std::function<void(std::int64_t worst_ns)>;

  ProberClient(asio::io_context& context, hosts::RemoteProcess process, std::string host,
               OnSamples on_samples, OnLateness on_lateness);

  /// Sends the configuration and waits until the prober says it is ready; throws Error with its
  /// reason.
  asio::awaitable<void> start(const std::string& probe, const json::object& config);
  /// Asks it to stop, takes what is still in flight (bounded by `at_most`), and reaps it.
  asio::awaitable<void> stop(std::chrono::milliseconds at_most);
  /// Empty while it runs as it should; otherwise why it does not.
  const std::string& failure() const { return failure_; }

 private:
  asio::awaitable<std::string> read_line();
  asio::awaitable<void> read_loop();
  void take(const json::object& message);

  asio::io_context& context_;
  asio::posix::stream_descriptor in_;
  asio::posix::stream_descriptor out_;
  Child child_;
  std::string host_;
  OnSamples on_samples_;
  OnLateness on_lateness_;
  asio::streambuf buffer_;
  std::string failure_;
  bool done_ = false;
  bool reading_ = false;
};

}  // namespace nospof::control
