#pragma once
// A real agent in a process of its own, talked to over its stdin and stdout.

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent.hpp"
#include "agent/lines.hpp"
#include "system/check.hpp"
#include "system/process.hpp"
#include "tests/support/stop_fault.hpp"

namespace nospof::test {

using namespace std::chrono_literals;

/// Far beyond what anything here takes: only a broken test gets to it.
inline constexpr auto agent_patience = 30s;

inline bool wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + agent_patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// Runs `body` in a forked child that dies with the test; its return value is the exit code.
inline Child fork_child(const std::function<int()>& body) {
  const pid_t parent = ::getpid();
  const pid_t pid = check("fork", ::fork());
  if (pid == 0) {
    int code = 99;
    try {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() == parent) code = body();
    } catch (const std::exception& e) {
      fmt::print(stderr, "child of the test: {}\n", e.what());
      code = 98;
    }
    ::_exit(code);
  }
  return {pid, UniqueFd(check("pidfd_open", static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))))};
}

class AgentProcess {
 public:
  /// `add_kinds` runs in the agent's process before it begins; it adds to "test-stop" in the
  /// registry.
  explicit AgentProcess(
      agent::AgentOptions options,
      const std::function<void(kinds::Registry&)>& add_kinds = [](kinds::Registry&) {}) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    child_ = fork_child([&] {
      in.write_end.reset();
      out.read_end.reset();
      kinds::Registry registry;
      registry.add(std::make_unique<StopKind>());
      add_kinds(registry);
      options.in_fd = in.read_end.get();
      options.out_fd = out.write_end.get();
      return agent::run_agent(options, registry);
    });
    to_ = std::move(in.write_end);
    from_ = std::move(out.read_end);
  }

  Child& child() { return child_; }
  pid_t pid() const { return child_.pid(); }
  UniqueFd& to() { return to_; }
  UniqueFd& from() { return from_; }

  void send_text(std::string_view text) { write_all(to_.get(), text, "agent"); }

  /// Sends a request; returns its id.
  std::int64_t send(const std::string& op, json::object fields = {}) {
    fields["id"] = ++last_id_;
    fields["op"] = op;
    send_text(json::serialize(fields) + "\n");
    return last_id_;
  }

  /// The next line; throws when none comes, or the agent's output ends.
  json::object line() {
    const auto end = std::chrono::steady_clock::now() + agent_patience;
    for (;;) {
      if (const auto next = lines_.next()) return json::parse(next->text).as_object();
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd entry{from_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0)
        throw std::runtime_error("the agent says nothing");
      std::array<char, 65536> block{};
      const ssize_t n = ::read(from_.get(), block.data(), block.size());
      if (n <= 0) throw std::runtime_error("the agent's output ended");
      lines_.push(std::string_view(block.data(), static_cast<std::size_t>(n)));
    }
  }

  /// The answer to that request; other lines are kept in `others`.
  json::object answer_to(std::int64_t id) {
    for (auto kept = others.begin(); kept != others.end(); ++kept) {
      if (!has_id(*kept, id)) continue;
      json::object found = *kept;
      others.erase(kept);
      return found;
    }
    for (;;) {
      json::object next = line();
      if (has_id(next, id)) return next;
      others.push_back(std::move(next));
    }
  }
  json::object ask(const std::string& op, json::object fields = {}) {
    return answer_to(send(op, std::move(fields)));
  }
  /// The next event of that name, also one that came before.
  json::object event(const std::string& name) {
    for (auto kept = others.begin(); kept != others.end(); ++kept) {
      if (!is_event(*kept, name)) continue;
      json::object found = *kept;
      others.erase(kept);
      return found;
    }
    for (;;) {
      json::object next = line();
      if (is_event(next, name)) return next;
      others.push_back(std::move(next));
    }
  }

  void lease(std::chrono::milliseconds ttl = 60s) {
    json::object fields;
    fields["ttl_ms"] = ttl.count();
    const json::object answer = ask("lease", fields);
    if (!answer.at("ok").as_bool()) throw std::runtime_error(json::serialize(answer));
  }

  json::object inject(const std::string& id, json::object parameters,
                      std::chrono::milliseconds duration = 60s,
                      std::chrono::milliseconds confirm = 5s,
                      const std::string& kind = "test-stop") {
    json::object fields;
    fields["injection"] = id;
    fields["fault"] = kind;
    fields["parameters"] = std::move(parameters);
    fields["duration_ms"] = duration.count();
    fields["confirm_ms"] = confirm.count();
    return ask("inject", fields);
  }
  json::object heal(const std::string& id, std::chrono::milliseconds confirm = 5s) {
    json::object fields;
    fields["injection"] = id;
    fields["confirm_ms"] = confirm.count();
    return ask("heal", fields);
  }
  ProcessId understudy() {
    const pid_t number = ask("status").at("understudy").to_number<pid_t>();
    const auto state = read_process(number);
    return state ? state->id : ProcessId{};
  }

  /// Its exit code, or 128+signal; throws when it does not end.
  int exit_code() {
    const auto status = child_.wait(agent_patience);
    if (!status) throw std::runtime_error("the agent does not end");
    return WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
  }

  std::vector<json::object> others;

 private:
  static bool has_id(const json::object& message, std::int64_t id) {
    const json::value* found = message.if_contains("id");
    return found != nullptr && found->is_int64() && found->as_int64() == id;
  }
  static bool is_event(const json::object& message, const std::string& name) {
    const json::value* found = message.if_contains("event");
    return found != nullptr && found->is_string() && found->as_string() == name;
  }

  Child child_;
  UniqueFd to_;
  UniqueFd from_;
  agent::LineSplitter lines_{64U << 20U};
  std::int64_t last_id_ = 0;
};

/// What `nospof recover` prints on one host, and its exit code.
struct Recovered {
  int code = -1;
  std::string output;
};
inline Recovered run_recovery(agent::AgentOptions options) {
  Pipe out = make_pipe();
  options.out_fd = out.write_end.get();
  Recovered result;
  result.code = agent::run_recover(options);
  out.write_end.reset();
  std::array<char, 65536> block{};
  ssize_t n = 0;
  while ((n = ::read(out.read_end.get(), block.data(), block.size())) > 0)
    result.output.append(block.data(), static_cast<std::size_t>(n));
  return result;
}

}  // namespace nospof::test
