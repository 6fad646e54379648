#include "probes/exec.hpp"

#include <array>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "probes/exec_verdict.hpp"
#include "probes/open_loop.hpp"
#include "probes/probe_kind.hpp"
#include "system/check.hpp"
#include "system/process.hpp"

namespace nospof::probes {

namespace {

struct Command final : Attempt {
  Child child;
  std::optional<WatchedFd> end;  ///< a copy of the child's pidfd
  std::optional<WatchedFd> output;
  std::string said;
};

UniqueFd duplicate(int fd) {
  return UniqueFd(check("duplicate a descriptor", ::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
}

class ExecRun final : public OpenLoopOf<Command> {
 public:
  ExecRun(const ExecConfig& config, int stop_fd, kinds::SampleSink& sink)
      : OpenLoopOf(config.pace, stop_fd, sink),
        config_(config),
        null_(open_file("/dev/null", O_WRONLY)) {}

 private:
  void begin(Command& command) override {
    try {
      start(command);
    } catch (const SystemError& e) {
      finish(command, {kinds::Outcome::local_error, static_cast<std::uint16_t>(e.error_number())},
             now());
      return;
    }
    command.end->wait_for(WatchedFd::For::reading);
    if (command.output) command.output->wait_for(WatchedFd::For::reading);
  }

  void start(Command& command) {
    SpawnOptions options;
    options.argv = config_.argv;
    options.new_session = true;
    options.parent_death_signal = SIGKILL;
    options.stderr_fd = null_.get();
    Pipe pipe;
    if (config_.expect) {
      pipe = make_pipe();
      check("make a pipe non-blocking", ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK));
      options.stdout_fd = pipe.write_end.get();
    }
    command.child = spawn(options);
    command.end.emplace(reactor(), duplicate(command.child.pidfd()),
                        [this, &command] { ended(command); });
    if (!config_.expect) return;
    command.output.emplace(reactor(), std::move(pipe.read_end), [&command] {
      if (!read_output(command)) command.output->close();
    });
  }

  /// Whether more may come.
  static bool read_output(Command& command) {
    std::array<char, 16384> block;  // not filled with zeros: it is read into
    // Who writes without end is not to hold up the others.
    for (int blocks = 0; blocks < 8; ++blocks) {
      const ssize_t n = ::read(command.output->fd(), block.data(), block.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return n < 0 && errno == EAGAIN;
      // What is beyond the limit is read so that the command does not wait for us.
      if (command.said.size() <= exec_output_limit)
        command.said.append(block.data(), static_cast<std::size_t>(n));
    }
    return true;
  }

  void ended(Command& command) {
    const MonoTime finished = now();
    kill_group(command);
    if (command.output && command.output->is_open()) read_output(command);
    const int status = command.child.wait(std::chrono::milliseconds(0)).value_or(0);
    close_it(command);
    Failure failure = judge_command(config_, status, command.said);
    if (failure.outcome == kinds::Outcome::ok) failure = judged(command, 0, finished);
    finish(command, failure, finished);
  }

  Failure expire(Command& command) override {
    kill_group(command);
    close_it(command);
    // It may hang in the kernel, and is not waited for.
    dying_.push_back(std::move(command.child));
    return deadline_failure(true);
  }
  void each_second() override {
    std::erase_if(dying_, [](Child& child) { return !child.running(); });
  }
  void close() override {
    each_second();
    for (Child& child : dying_) child.release();
  }

  /// While the child was not reaped its number stands for nobody else, and so does its group's.
  static void kill_group(Command& command) { ::kill(-command.child.pid(), SIGKILL); }

  static void close_it(Command& command) {
    command.end.reset();
    command.output.reset();
  }

  const ExecConfig& config_;
  UniqueFd null_;
  std::vector<Child> dying_;
};

class ExecProbe final : public kinds::Probe {
 public:
  explicit ExecProbe(ExecConfig config) : config_(std::move(config)) {
    config_.argv[0] = find_program(config_.argv[0]);
    if (::access(config_.argv[0].c_str(), X_OK) < 0)
      throw SystemError("exec probe: run " + config_.argv[0], errno);
  }

  void run(int stop_fd, kinds::SampleSink& sink) override { ExecRun(config_, stop_fd, sink).run(); }

 private:
  ExecConfig config_;
};

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_exec() {
  using spec::ParameterType;
  spec::KindInfo info;
  info.name = "exec";
  info.summary = "runs a command at a set rate and judges its exit code or a number it writes";
  info.parameters = pace_parameters(exec_pace());
  info.parameters.push_back(
      {"argv", ParameterType::text_list, true, "", {}, "program and arguments"});
  info.parameters.push_back(
      {"expect-exit", ParameterType::integer, false, "0", {}, "exit code of a right end"});
  info.parameters.push_back(
      {"field", ParameterType::text, false, "", {}, "number in its JSON output: a.b.0.c"});
  info.parameters.push_back(
      {"expect", ParameterType::text, false, "", {}, "what the field must be: <= 3"});
  return std::make_unique<SimpleKind>(std::move(info), [](const kinds::json::object& config) {
    return std::make_unique<ExecProbe>(parse_exec_config(config));
  });
}

}  // namespace nospof::probes
