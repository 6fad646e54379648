#pragma once
// The controller's end of an agent (agent/agent.hpp has the protocol). One io_context, one thread.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "hosts/transport.hpp"
#include "system/check.hpp"

namespace nospof::hosts {

namespace asio = boost::asio;
namespace json = boost::json;

/// A request that was not answered as it should be. what() begins with the host's name.
class AgentError : public Error {
 public:
  AgentError(std::string host, const std::string& what, bool gone, json::object answer = {});
  const std::string& host() const { return host_; }
  bool gone() const { return gone_; }  ///< the agent has ended: nothing more can be asked
  /// What it answered besides: {"steps":[..],"undone":bool} of a failed inject; empty when it did
  /// not answer.
  const json::object& answer() const { return answer_; }

 private:
  std::string host_;
  bool gone_;
  json::object answer_;
};

/// Talks to one agent. SIGPIPE must be ignored. The executor's context must outlive it; it may be
/// destroyed at any time: the agent then sees the end of its stdin, heals and exits.
class AgentClient {
 public:
  AgentClient(asio::any_io_executor executor, RemoteProcess process, std::string host);
  ~AgentClient();
  AgentClient(const AgentClient&) = delete;
  AgentClient& operator=(const AgentClient&) = delete;

  /// Any number may be in flight. Returns the answer without "id" and "ok". Throws AgentError when
  /// the agent refuses, does not answer in time, or is gone (then all requests in flight fail at
  /// once).
  asio::awaitable<json::object> request(std::string op, json::object arguments,
                                        std::chrono::milliseconds deadline);
  /// Renews the lease in the background until the agent is gone or this object is.
  void start_lease(std::chrono::milliseconds ttl, std::chrono::milliseconds every);
  /// Called for each event of the agent, and once for {"event":"gone","detail":..} when it has
  /// ended other than through close().
  void on_event(std::function<void(const json::object&)> handler);

  bool gone() const;
  /// As this machine numbers it.
  pid_t pid() const;
  /// 128+signal when it was killed; -1 while it is not known.
  int exit_code() const;

  /// "bye", then waits for the agent's end. An agent that is gone already is only reaped. Throws
  /// AgentError when it does not end within 20 s.
  asio::awaitable<void> close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace nospof::hosts
