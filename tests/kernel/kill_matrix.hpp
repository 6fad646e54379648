#pragma once
// A controller, an agent and an understudy at work on a host of a lab, each of which can be killed
// at a chosen moment.

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <signal.h>

#include "agent/journal.hpp"
#include "hosts/transport.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/syscall_gate.hpp"
#include "watched_host.hpp"

namespace nospof::test {

namespace json = boost::json;

/// A process that starts an agent on a host of a lab as the controller does, and stands between it
/// and the test: what it gets it passes on, either way. When it is killed,
/// the agent loses its controller.
class ControllerProcess {
 public:
  ControllerProcess(SyscallGate& gate, const std::string& lab, const std::string& host) {
    std::array<int, 2> ends{};
    check("socketpair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
    ours_ = UniqueFd(ends[0]);
    UniqueFd theirs(ends[1]);
    child_ = fork_child([&] {
      ours_.reset();
      ::signal(SIGPIPE, SIG_IGN);
      gate.install();
      return relay(theirs.get(), lab, host);
    });
    theirs.reset();
    gate.connect(child_.pidfd());
    agent_ = static_cast<pid_t>(event("agent").at("pid").as_int64());
    gate.watch(agent_);
  }

  pid_t agent() const { return agent_; }
  Child& child() { return child_; }
  /// The agent's child of that name; 0 when there is none.
  pid_t understudy() const {
    std::string children;
    try {
      children = read_file(fmt::format("/proc/{0}/task/{0}/children", agent_));
    } catch (const SystemError&) {
      return 0;
    }
    std::istringstream words(children);
    for (pid_t pid = 0; words >> pid;)
      if (const auto state = read_process(pid); state && state->command == "understudy") return pid;
    return 0;
  }

  std::int64_t send(const std::string& op, json::object fields) {
    fields["id"] = ++last_id_;
    fields["op"] = op;
    const std::string text = json::serialize(fields) + "\n";
    ::send(ours_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return last_id_;
  }
  /// The answer to that request; nothing when the agent or the controller went before it came.
  std::optional<json::object> answer_to(std::int64_t id) {
    while (auto next = line()) {
      const json::value* found = next->if_contains("id");
      if (found != nullptr && found->is_int64() && found->as_int64() == id) return next;
    }
    return std::nullopt;
  }
  json::object ask(const std::string& op, json::object fields = {}) {
    auto answer = answer_to(send(op, std::move(fields)));
    if (!answer) throw Error("the agent is gone");
    return *answer;
  }
  json::object event(const std::string& name) {
    while (auto next = line()) {
      const json::value* found = next->if_contains("event");
      if (found != nullptr && found->as_string() == name) return *next;
    }
    throw Error("no event " + name);
  }
  /// No more requests: the controller ends, and with it the agent.
  void leave() { ours_.reset(); }

 private:
  std::optional<json::object> line() {
    const auto end = std::chrono::steady_clock::now() + agent_patience;
    for (;;) {
      if (const auto next = lines_.next()) return json::parse(next->text).as_object();
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd entry{ours_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0)
        throw Error("the agent says nothing");
      std::array<char, 65536> block{};
      const ssize_t n = ::read(ours_.get(), block.data(), block.size());
      if (n <= 0) return std::nullopt;
      lines_.push(std::string_view(block.data(), static_cast<std::size_t>(n)));
    }
  }

  // The child: until the test leaves or the agent ends.
  static int relay(int test, const std::string& lab_name, const std::string& host) {
    const auto lab = lab::open_lab(lab_name);
    const auto transport = hosts::lab_transport(*lab);
    hosts::RemoteProcess agent = transport->start(host, hosts::lab_agent_arguments(*lab, host));
    write_all(test, fmt::format("{{\"event\":\"agent\",\"pid\":{}}}\n", agent.child.pid()), "test");
    const auto pass = [](int from, int to) {
      std::array<char, 65536> block{};
      const ssize_t n = ::read(from, block.data(), block.size());
      if (n > 0) write_all(to, std::string_view(block.data(), static_cast<std::size_t>(n)), "peer");
      return n > 0;
    };
    // Longer than any case takes: an answer to a renewal would come between the agent's steps.
    write_all(agent.to_stdin.get(), "{\"id\":1000000,\"op\":\"lease\",\"ttl_ms\":600000}\n",
              "agent");
    for (bool open = true; open;) {
      std::array<pollfd, 2> entries{pollfd{test, POLLIN, 0},
                                    pollfd{agent.from_stdout.get(), POLLIN, 0}};
      check("poll", ::poll(entries.data(), entries.size(), -1));
      if (entries[0].revents != 0) open = pass(test, agent.to_stdin.get());
      if (open && entries[1].revents != 0) open = pass(agent.from_stdout.get(), test);
    }
    agent.to_stdin.reset();
    agent.from_stdout.reset();
    agent.child.wait(agent_patience);
    return 0;
  }

  UniqueFd ours_;
  Child child_;
  pid_t agent_ = 0;
  agent::LineSplitter lines_{64U << 20U};
  std::int64_t last_id_ = 0;
};

/// `nospof recover` on one host: what it prints.
inline std::string recover_host(lab::Lab& lab, const std::string& host) {
  const auto transport = hosts::lab_transport(lab);
  auto arguments = hosts::lab_agent_arguments(lab, host);
  arguments.emplace_back("--recover");
  hosts::RemoteProcess process = transport->start(host, arguments);
  process.to_stdin.reset();
  std::string text;
  std::array<char, 4096> block{};
  for (ssize_t n = 0; (n = ::read(process.from_stdout.get(), block.data(), block.size())) > 0;)
    text.append(block.data(), static_cast<std::size_t>(n));
  process.child.wait(agent_patience);
  return text;
}

}  // namespace nospof::test
