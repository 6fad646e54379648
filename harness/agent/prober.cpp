#include "agent/prober.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/lines.hpp"
#include "system/check.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"

namespace nospof::agent {

namespace json = boost::json;

namespace {

constexpr auto flush_period = std::chrono::milliseconds(40);
constexpr auto last_flush_limit = std::chrono::seconds(10);
constexpr std::size_t first_line_limit = std::size_t{1024} * 1024;
constexpr std::size_t samples_per_line = 500;
// A pipe that polls as writable takes this much without blocking (PIPE_BUF).
constexpr std::size_t bytes_per_write = 4096;

void poke(const UniqueFd& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event.get(), &one, sizeof one);
}

UniqueFd make_event() {
  return UniqueFd(check("eventfd", ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

void raise_file_limit() {
  rlimit limit{};
  check("getrlimit NOFILE", ::getrlimit(RLIMIT_NOFILE, &limit));
  limit.rlim_cur = limit.rlim_max;
  check("setrlimit NOFILE", ::setrlimit(RLIMIT_NOFILE, &limit));
}

/// The calling thread, and none that it starts, goes before all that are not real-time. On a host
/// that does not allow it nothing changes: late starts are told in any case.
bool go_first() {
  sched_param priority{};
  priority.sched_priority = 1;
  return ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority) == 0;
}

bool may_go_first() {
  bool allowed = false;
  std::thread([&] { allowed = go_first(); }).join();
  return allowed;
}

std::int64_t wall_minus_mono_ns() {
  const SystemClock clock;
  // The pair of readings that lie closest together is the one that was not interrupted.
  std::int64_t best_gap = INT64_MAX;
  std::int64_t best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto before = clock.now().time_since_epoch().count();
    const auto wall = clock.wall().time_since_epoch().count();
    const auto after = clock.now().time_since_epoch().count();
    if (after - before >= best_gap) continue;
    best_gap = after - before;
    best = wall - (before + best_gap / 2);
  }
  return best;
}

// Byte by byte: what follows the line belongs to whoever reads next.
std::string read_first_line(int fd) {
  std::string line;
  for (;;) {
    char c = 0;
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    check("read the prober's configuration", n);
    if (n == 0) throw Error("prober: the input ended before the configuration line was whole");
    if (c == '\n') return line;
    line.push_back(c);
    if (line.size() > first_line_limit) throw Error("prober: the configuration line is too long");
  }
}

// Between the probes' threads, which add, and one thread that talks with the controller.
class Channel {
 public:
  Channel(int in_fd, int out_fd, std::size_t limit)
      : in_fd_(in_fd), out_fd_(out_fd), limit_(limit) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Channel() { finish(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int stop_fd() const { return stop_.get(); }

  void say(const json::object& message) {
    const std::lock_guard lock(mutex_);
    append(json::serialize(message));
  }
  /// Samples of one probe that come together are told in one line.
  void add(const std::string& of, const kinds::Sample& s) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (batched_ == samples_per_line || batch_of_ != &of) end_batch();
    batch_of_ = &of;
    if (batched_++ == 0)
      batch_ = fmt::format(R"({{"of":{},"samples":[)", json::serialize(json::value(of)));
    else
      batch_ += ",";
    fmt::format_to(std::back_inserter(batch_), "[{},{},{},{},{},{}]", s.sequence, s.scheduled_ns,
                   s.started_ns, s.finished_ns, static_cast<int>(s.outcome), s.detail);
  }

  std::uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  /// Ends the talk after everything was written, or after a bounded wait. Returns why samples were
  /// lost; empty: none were.
  std::string finish() {
    if (thread_.joinable()) {
      finishing_ = true;
      poke(wake_);
      thread_.join();
    }
    return problem_;
  }

 private:
  void append(std::string_view line) {
    end_batch();
    waiting_ += line;
    waiting_ += '\n';
  }
  void end_batch() {
    if (batched_ == 0) return;
    waiting_ += batch_;
    waiting_ += "]}\n";
    batch_.clear();
    batched_ = 0;
  }

  void serve();
  void fill();
  void take_input();
  bool write_some();
  void give_up(std::string problem) {
    problem_ = std::move(problem);
    poke(stop_);
  }

  const int in_fd_;
  const int out_fd_;
  const std::size_t limit_;
  const UniqueFd stop_ = make_event();  ///< readable: the probe is to end
  const UniqueFd wake_ = make_event();
  std::atomic<bool> finishing_ = false;

  mutable std::mutex mutex_;
  std::string waiting_;
  std::string batch_;
  const std::string* batch_of_ = nullptr;  ///< whose samples are in it
  std::size_t batched_ = 0;
  std::uint64_t count_ = 0;

  // Of the serving thread alone, until it was joined.
  std::string writing_;
  std::size_t written_ = 0;
  bool input_open_ = true;
  std::string input_line_;
  std::string problem_;
  std::thread thread_;
};

void Channel::serve() {
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

void Channel::fill() {
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

void Channel::take_input() {
  std::array<char, 256> block{};
  const ssize_t n = ::read(in_fd_, block.data(), block.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n > 0) {
    input_line_.append(block.data(), static_cast<std::size_t>(n));
    std::size_t end = 0;
    while ((end = input_line_.find('\n')) != std::string::npos) {
      if (input_line_.substr(0, end) == "stop") poke(stop_);
      input_line_.erase(0, end + 1);
    }
    if (input_line_.size() <= first_line_limit) return;
  }
  input_open_ = false;
  poke(stop_);
}

bool Channel::write_some() {
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

// What one probe says, with its name.
class NamedSink final : public kinds::SampleSink {
 public:
  NamedSink(Channel& channel, std::string name) : channel_(channel), name_(std::move(name)) {}

  void add(const kinds::Sample& sample) override { channel_.add(name_, sample); }
  void lateness(std::int64_t worst_ns) override { say({{"lateness_ns", worst_ns}}); }
  void found(const kinds::Finding& finding) override {
    say({{"found",
          {{"at_ns", finding.at_ns},
           {"since_ns", finding.since_ns},
           {"what", finding.what},
           {"subject", finding.subject},
           {"detail", valid_utf8(finding.detail)},
           {"violation", finding.violation},
           {"over", finding.over},
           {"count", finding.count}}}});
  }
  void looked(const kinds::Round& round) override {
    say({{"looked", {round.begin_ns, round.end_ns, round.checked, round.undecided}}});
  }
  void say(json::object message) {
    message["of"] = name_;
    channel_.say(message);
  }

 private:
  Channel& channel_;
  const std::string name_;
};

struct NamedProbe {
  std::string name;
  std::unique_ptr<kinds::Probe> probe;
};

NamedProbe make_probe(const kinds::Registry& registry, const json::object& entry) {
  const json::value* kind = entry.if_contains("probe");
  const json::value* config = entry.if_contains("config");
  const json::value* name = entry.if_contains("name");
  if (kind == nullptr || !kind->is_string() || config == nullptr || !config->is_object() ||
      (name != nullptr && !name->is_string()))
    throw Error(R"(prober: expected {"probe":"<kind>","config":{..}})");
  const std::string kind_name(kind->as_string());
  return {name != nullptr ? std::string(name->as_string()) : kind_name,
          registry.probe(kind_name).make(config->as_object())};
}

struct Orders {
  std::vector<NamedProbe> probes;
  bool realtime = false;
};

Orders read_orders(const kinds::Registry& registry, const std::string& line) {
  boost::system::error_code error;
  const json::value request = json::parse(line, error);
  if (error || !request.is_object())
    throw Error("prober: the first line is no JSON object: " + line);
  Orders orders;
  if (const json::value* wish = request.as_object().if_contains("realtime")) {
    if (!wish->is_bool()) throw Error("prober: 'realtime' must be true or false");
    orders.realtime = wish->as_bool();
  }
  const json::value* several = request.as_object().if_contains("probes");
  std::vector<NamedProbe>& probes = orders.probes;
  if (several == nullptr) {
    probes.push_back(make_probe(registry, request.as_object()));
    return orders;
  }
  const json::array* list = several->if_array();
  if (list == nullptr || list->empty() || !std::ranges::all_of(*list, &json::value::is_object))
    throw Error("prober: 'probes' must be a list of objects, and not an empty one");
  for (const json::value& entry : *list) probes.push_back(make_probe(registry, entry.as_object()));
  return orders;
}

// A probe that cannot go on does not end the others.
bool run_to_its_end(kinds::Probe& probe, int stop_fd, NamedSink& sink) {
  try {
    probe.run(stop_fd, sink);
    return true;
  } catch (const std::exception& e) {
    sink.say({{"error", valid_utf8(e.what())}});
    return false;
  }
}

// Each in a thread of its own, but for a single one.
bool run_all(Orders& orders, int stop_fd, std::deque<NamedSink>& sinks) {
  std::vector<NamedProbe>& probes = orders.probes;
  const auto run = [&](std::size_t i) {
    if (orders.realtime) go_first();
    return run_to_its_end(*probes[i].probe, stop_fd, sinks[i]);
  };
  if (probes.size() == 1) return run(0);
  std::atomic<bool> all_well = true;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < probes.size(); ++i)
    threads.emplace_back([&, i] {
      if (!run(i)) all_well = false;
    });
  for (std::thread& thread : threads) thread.join();
  return all_well;
}

}  // namespace

int run_prober(const kinds::Registry& registry, int in_fd, int out_fd, ProberLimits limits) {
  Orders orders;
  std::string refused;
  try {
    raise_file_limit();
    orders = read_orders(registry, read_first_line(in_fd));
  } catch (const std::exception& e) {
    refused = e.what();
  }
  Channel channel(in_fd, out_fd, limits.waiting_bytes);
  if (!refused.empty()) {
    channel.say({{"error", refused}});
    channel.finish();
    return 2;
  }
  std::deque<NamedSink> sinks;
  for (const NamedProbe& probe : orders.probes) sinks.emplace_back(channel, probe.name);
  channel.say({{"ready", true},
               {"wall_minus_mono_ns", wall_minus_mono_ns()},
               {"realtime", orders.realtime && may_go_first()}});
  const bool well = run_all(orders, channel.stop_fd(), sinks);
  if (well) channel.say({{"done", true}, {"sent", channel.count()}});
  const std::string lost = channel.finish();
  if (!lost.empty()) fmt::print(stderr, "nospof prober: {}\n", lost);
  return !well || !lost.empty() ? 3 : 0;
}

}  // namespace nospof::agent
