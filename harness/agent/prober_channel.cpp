#include "agent/prober_channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/clock.hpp"
#include "system/clock_identity.hpp"

namespace nospof::agent {

namespace json = boost::json;

namespace {

constexpr auto flush_period = std::chrono::milliseconds(40);
constexpr auto last_flush_limit = std::chrono::seconds(10);
constexpr std::size_t entries_per_line = 500;
// A pipe that polls as writable takes this much without blocking (PIPE_BUF).
constexpr std::size_t bytes_per_write = 4096;
constexpr std::size_t input_line_limit = std::size_t{1024} * 1024;

void poke(const UniqueFd& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event.get(), &one, sizeof one);
}

UniqueFd make_event() {
  return UniqueFd(check("eventfd", ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

}  // namespace

ProberChannel::ProberChannel(int in_fd, int out_fd, std::size_t limit)
    : in_fd_(in_fd), out_fd_(out_fd), limit_(limit), stop_(make_event()), wake_(make_event()) {
  thread_ = std::thread([this] { serve(); });
}

void ProberChannel::say(const json::object& message) {
  const std::lock_guard lock(mutex_);
  end_batch();
  waiting_ += json::serialize(message);
  waiting_ += '\n';
}

void ProberChannel::add(const std::string& of, const kinds::Sample& sample) {
  const std::lock_guard lock(mutex_);
  ++count_;
  add_to_batch(
      of, "samples",
      fmt::format("[{},{},{},{},{},{}]", sample.sequence, sample.scheduled_ns, sample.started_ns,
                  sample.finished_ns, static_cast<int>(sample.outcome), sample.detail));
}

void ProberChannel::add(const std::string& of, const kinds::Operation& operation) {
  const std::string text = json::serialize(kinds::operation_json(operation));
  const std::lock_guard lock(mutex_);
  add_to_batch(of, "operated", text);
}

std::uint64_t ProberChannel::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::string ProberChannel::finish() {
  if (thread_.joinable()) {
    finishing_ = true;
    poke(wake_);
    thread_.join();
  }
  return problem_;
}

// What one probe says of one sort, and comes together, is told in one line.
void ProberChannel::add_to_batch(const std::string& of, std::string_view what,
                                 std::string_view entry) {
  if (batched_ == entries_per_line || batch_of_ != &of || batch_what_ != what) end_batch();
  batch_of_ = &of;
  batch_what_ = what;
  if (batched_++ == 0)
    batch_ = fmt::format(R"({{"of":{},"{}":[)", json::serialize(json::value(of)), what);
  else
    batch_ += ",";
  batch_ += entry;
}

void ProberChannel::end_batch() {
  if (batched_ == 0) return;
  waiting_ += batch_;
  waiting_ += "]}\n";
  batch_.clear();
  batched_ = 0;
}

void ProberChannel::serve() {
  // A controller that is gone must be seen as an error of write(), not kill us in the middle.
  sigset_t pipe_signal;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);

  std::optional<MonoTime> give_up_at;
  const SystemClock clock;
  while (problem_.empty()) {
    const bool finishing = finishing_;
    if (finishing && !give_up_at) give_up_at = clock.now() + last_flush_limit;
    fill();
    const bool unwritten = written_ < writing_.size();
    if (finishing && !unwritten) return;
    if (finishing && clock.now() >= *give_up_at) return give_up("nobody reads the last samples");
    std::array<pollfd, 3> polled{{{wake_.get(), static_cast<short>(finishing ? 0 : POLLIN), 0},
                                  {input_open_ ? in_fd_ : -1, POLLIN, 0},
                                  {unwritten ? out_fd_ : -1, POLLOUT, 0}}};
    ::poll(polled.data(), polled.size(), static_cast<int>(flush_period.count()));
    if (polled[1].revents != 0) take_input();
    if (polled[2].revents != 0 && !write_some()) return;
  }
}

void ProberChannel::fill() {
  std::size_t held = 0;
  {
    const std::lock_guard lock(mutex_);
    end_batch();
    if (written_ == writing_.size()) {
      writing_.clear();
      written_ = 0;
      writing_.swap(waiting_);
    }
    held = waiting_.size() + writing_.size() - written_;
  }
  if (held > limit_) give_up("samples pile up because nobody reads them");
}

void ProberChannel::take_input() {
  std::array<char, 256> block{};
  const ssize_t n = ::read(in_fd_, block.data(), block.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n > 0) {
    input_line_.append(block.data(), static_cast<std::size_t>(n));
    std::size_t end = 0;
    while ((end = input_line_.find('\n')) != std::string::npos) {
      const std::string line = input_line_.substr(0, end);
      if (line == "stop") poke(stop_);
      if (line.starts_with("clock ")) tell_clock(line.substr(6));
      input_line_.erase(0, end + 1);
    }
    if (input_line_.size() <= input_line_limit) return;
  }
  input_open_ = false;
  poke(stop_);
}

void ProberChannel::tell_clock(const std::string& number) {
  std::int64_t asked = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), asked);
  if (error != std::errc() || end != number.data() + number.size()) return;
  const ClockIdentity clock = own_clock();
  const SystemClock now;
  say({{"clock", asked},
       {"boot_id", clock.boot_id},
       {"time_namespace", clock.time_namespace},
       {"mono_ns", now.now().time_since_epoch().count()}});
}

bool ProberChannel::write_some() {
  const std::size_t size = std::min(bytes_per_write, writing_.size() - written_);
  const ssize_t n = ::write(out_fd_, writing_.data() + written_, size);
  if (n >= 0) {
    written_ += static_cast<std::size_t>(n);
    return true;
  }
  if (errno == EINTR || errno == EAGAIN) return true;
  give_up(SystemError("write samples", errno).what());
  return false;
}

void ProberChannel::give_up(std::string problem) {
  problem_ = std::move(problem);
  poke(stop_);
}

}  // namespace nospof::agent
