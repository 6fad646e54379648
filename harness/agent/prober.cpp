#include "agent/prober.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/lines.hpp"
#include "agent/prober_channel.hpp"
#include "system/check.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"

namespace nospof::agent {

namespace json = boost::json;

namespace {

constexpr std::size_t first_line_limit = std::size_t{1024} * 1024;

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

// What one probe says, with its name.
class NamedSink final : public kinds::SampleSink {
 public:
  NamedSink(ProberChannel& channel, std::string name) : channel_(channel), name_(std::move(name)) {}

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
  void expects(const std::vector<kinds::Expectation>& all) override {
    json::array list;
    for (const kinds::Expectation& each : all) list.push_back({each.subject, each.expected});
    say({{"expects", std::move(list)}});
  }
  void decided(const std::vector<std::size_t>& places) override {
    say({{"decided", json::array(places.begin(), places.end())}});
  }
  void operated(const kinds::Operation& operation) override { channel_.add(name_, operation); }
  void say(json::object message) {
    message["of"] = name_;
    channel_.say(message);
  }

 private:
  ProberChannel& channel_;
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
  ProberChannel channel(in_fd, out_fd, limits.waiting_bytes);
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
