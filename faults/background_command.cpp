#include "faults/background_command.hpp"

#include <array>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {
constexpr std::size_t kept_output = 4096;
constexpr std::size_t shown_output = 200;
}  // namespace

BackgroundCommand::BackgroundCommand(const std::vector<std::string>& argv,
                                     std::chrono::milliseconds at_most)
    : end_(std::chrono::steady_clock::now() + at_most) {
  Pipe pipe = make_pipe();
  SpawnOptions options;
  options.argv = argv;
  options.directory = "/";
  options.stdout_fd = pipe.write_end.get();
  options.stderr_fd = pipe.write_end.get();
  options.parent_death_signal = SIGKILL;
  child_ = spawn(options);
  output_ = std::move(pipe.read_end);
  check("fcntl", ::fcntl(output_.get(), F_SETFL, O_NONBLOCK));
}

void BackgroundCommand::drain() {
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t n = ::read(output_.get(), block.data(), block.size());
    if (n <= 0) return;
    const std::size_t room = kept_output - std::min(kept_output, result_.output.size());
    result_.output.append(block.data(), std::min(static_cast<std::size_t>(n), room));
  }
}

std::optional<CommandResult> BackgroundCommand::advance() {
  drain();
  if (child_.running()) {
    if (std::chrono::steady_clock::now() < end_) return std::nullopt;
    result_.timed_out = true;
    child_.signal(SIGKILL);
    child_.wait(std::chrono::seconds(1));
  }
  drain();
  const int status = child_.status().value_or(0);
  result_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result_;
}

std::string describe(const CommandResult& result) {
  const std::string& said = result.output.empty() ? result.errors : result.output;
  const std::string line = said.substr(0, std::min(said.find('\n'), shown_output));
  return fmt::format("{}{}{}",
                     result.timed_out ? std::string("did not end in time")
                                      : fmt::format("ended with {}", result.exit_code),
                     line.empty() ? "" : ": ", line);
}

}  // namespace nospof::faults
