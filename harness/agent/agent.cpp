#include "agent/agent.hpp"

#include <csignal>

#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "agent/session.hpp"
#include "system/check.hpp"

namespace nospof::agent {

namespace {

using namespace std::chrono_literals;

// An understudy at work needs that long at most; see understudy.cpp.
constexpr auto lock_patience = 8s;

// A descriptor opened later must never be taken for stdin, stdout or stderr.
void fill_standard_fds() {
  while (true) {
    const int fd = check("open /dev/null", ::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (fd <= 2) continue;
    ::close(fd);
    return;
  }
}

std::string in_use(const std::string& path, const JournalContent& content) {
  if (!content.holder) return fmt::format("{}: in use by another process", path);
  return fmt::format("{}: in use by the agent of {} (pid {})", path, content.host,
                     content.holder->process.pid);
}

struct Recovery {
  json::array steps;  ///< {"injection","op","done","changed","detail"}
  bool complete = true;
};

// Executes what a dead agent left open, last one first.
Recovery recover_open(Journal& journal, Environment& environment) {
  const JournalContent content = journal.read();
  const bool other_boot = content.holder && !content.holder->same_boot(this_holder());
  Recovery recovery;
  for (auto entry = content.open.rbegin(); entry != content.open.rend(); ++entry) {
    const bool is_void = other_boot && speaks_of_processes(entry->record);
    const UndoResult result =
        is_void ? UndoResult{true, false, "void: the host has booted since, its processes are gone"}
                : execute_undo(entry->record, environment.env());
    journal.settle(entry->number, is_void ? "void" : "recover", result);
    recovery.complete = recovery.complete && result.done;
    const json::value* op = entry->record.if_contains("op");
    recovery.steps.push_back({{"injection", entry->injection},
                              {"op", op != nullptr ? *op : json::value("?")},
                              {"done", result.done},
                              {"changed", result.changed},
                              {"detail", valid_utf8(result.detail)}});
  }
  return recovery;
}

}  // namespace

int run_agent(const AgentOptions& options, const kinds::Registry& registry) {
  fill_standard_fds();
  ::signal(SIGPIPE, SIG_IGN);
  const SystemClock clock;
  auto journal = Journal::lock(options.journal, lock_patience, clock);
  if (!journal) throw Error(in_use(options.journal, Journal::peek(options.journal)));
  Environment environment(options);
  Recovery recovery = recover_open(*journal, environment);
  if (!recovery.complete) {
    fmt::print(
        stderr,
        "{}: an earlier agent of {} left something that cannot be undone: {}; run 'nospof recover' "
        "once the cause is gone\n",
        options.journal, options.host, json::serialize(recovery.steps));
    return 5;
  }
  journal->begin(options.host, this_holder());
  Understudy understudy(options, *journal);
  understudy.start();
  // Declared after everything that a coroutine may still refer to when it is thrown away.
  asio::io_context context(1);
  Session session(context, options, registry, environment, *journal, understudy,
                  std::move(recovery.steps));
  const int code = session.run();
  // With something left to undo it goes on trying when this process has gone.
  if (code == 0) understudy.end(1s);
  return code;
}

int run_recover(const AgentOptions& options) {
  const auto print = [&](const std::string& line) {
    write_all(options.out_fd, line + "\n", "the result");
  };
  const JournalContent content = Journal::peek(options.journal);
  if (!content.holder && content.open.empty()) return 0;
  const SystemClock clock;
  const auto try_lock = [&](std::chrono::milliseconds patience) {
    return Journal::lock(options.journal, patience, clock);
  };
  auto journal = try_lock(0ms);
  // Its holder is numbered in the host's pid namespace, which is ours only if the host has not
  // booted since.
  const bool lives = !journal && content.holder && content.holder->same_boot(this_holder()) &&
                     is_alive(content.holder->process);
  if (lives && content.open.empty()) {
    print(fmt::format("{}: {}, with nothing in force; not touched", options.host,
                      in_use(options.journal, content)));
    return 0;
  }
  // It may be healing just now.
  if (!journal) journal = try_lock(lock_patience);
  if (!journal) {
    print(lives ? fmt::format("{}: {}, with {} changes in force; not touched: end that run first",
                              options.host, in_use(options.journal, content), content.open.size())
                : fmt::format("{}: {}: its agent is dead, but the understudy holds it for more "
                              "than {} s",
                              options.host, options.journal, lock_patience.count()));
    return 5;
  }
  if (journal->read().open.empty()) return 0;
  Environment environment(options);
  const Recovery recovery = recover_open(*journal, environment);
  for (const json::value& value : recovery.steps) {
    const json::object& step = value.as_object();
    const auto text = [&](const char* name) { return std::string_view(step.at(name).as_string()); };
    print(fmt::format("{}: {} of '{}' {}: {}", options.host, text("op"), text("injection"),
                      step.at("done").as_bool() ? "undone" : "NOT UNDONE", text("detail")));
  }
  return recovery.complete ? 0 : 5;
}

int run_status(const AgentOptions& options) {
  const JournalContent content = Journal::peek(options.journal);
  if (content.open.empty()) return 0;
  const bool lives = content.holder && content.holder->same_boot(this_holder()) &&
                     is_alive(content.holder->process);
  const std::string holder =
      lives ? fmt::format("held by its agent, pid {}", content.holder->process.pid)
            : std::string("left behind by an agent that is dead: run `nospof recover`");
  for (const OpenRecord& entry : content.open) {
    const json::value* op = entry.record.if_contains("op");
    const std::string_view name =
        op != nullptr && op->is_string() ? std::string_view(op->as_string()) : "?";
    write_all(options.out_fd,
              fmt::format("{}: '{}' is in force, to be taken back by {}; {}\n", options.host,
                          entry.injection, name, holder),
              "the result");
  }
  return lives ? 0 : 5;
}

}  // namespace nospof::agent
