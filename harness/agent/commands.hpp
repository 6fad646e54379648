#pragma once
// What an agent does for others to look at: programs run and ports tried, each with a deadline and
// none in the way of anything else.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

namespace nospof::agent {

namespace asio = boost::asio;
namespace json = boost::json;

/// Runs a program to its end or kills its process group after `timeout`; the answer of "exec".
/// Throws Error/SystemError when it cannot be started.
asio::awaitable<json::object> run_program(std::vector<std::string> argv,
                                          std::chrono::milliseconds timeout);

struct ReachTarget {
  std::string address;
  std::uint16_t port = 0;
};

/// Tries TCP connections to all targets at once; the answer of "reach", results in the order of the
/// targets. Throws Error when an address is none, or a lab's and this is no lab host.
asio::awaitable<json::object> try_targets(std::vector<ReachTarget> targets,
                                          std::chrono::milliseconds timeout);

}  // namespace nospof::agent
