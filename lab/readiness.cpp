#include "lab/readiness.hpp"

#include <algorithm>
#include <future>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "lab/host_environment.hpp"
#include "lab/service_state.hpp"
#include "system/check.hpp"

namespace nospof::lab {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t log_lines = 10;
constexpr std::size_t services_told = 4;
/// A daemon that is started this often while the lab comes up is in trouble; once or twice is usual
/// for one that waits for another.
constexpr int many_starts = 4;
constexpr std::chrono::seconds settled_after{1};
constexpr milliseconds look_period{30};
constexpr milliseconds least_patience{300};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string filled(const std::string& text, const std::string& id, const std::string& token) {
  return replaced(replaced(text, "{id}", id), "{token}", token);
}

std::string seconds_text(milliseconds at_most) {
  return fmt::format("{:.3f}", std::chrono::duration<double>(at_most).count());
}

// Runs request after request in the background, so that a hanging one does not hide a daemon's end.
class Requests {
 public:
  Requests(Lab& lab, const Layout& layout)
      : lab_(lab), layout_(layout), random_(std::random_device()()) {}

  /// Whether one was served; starts the next one when none is under way.
  bool step(milliseconds patience) {
    if (!running_.valid()) start(patience);
    if (running_.wait_for(milliseconds(0)) != std::future_status::ready) return false;
    last_ = running_.get();
    return last_.served;
  }
  const std::string& last_detail() const { return last_.detail; }

 private:
  void start(milliseconds patience) {
    const spec::Workload& workload = lab_.topology().workload;
    SpawnOptions options;
    const std::string id = fmt::format("{:016x}-{}", random_(), ++sequence_);
    const std::string token = fmt::format("{:016x}", random_());
    options.argv = request_command(lab_.topology(), layout_, id, token, patience);
    auto host = std::make_shared<HostNamespaces>(lab_.enter(workload.from));
    options.namespaces = host->list();
    options.environment = host_environment();
    options.clean_environment = true;
    running_ = std::async(std::launch::async, [this, host, options, id, token, patience] {
      const CommandResult result = run_command(options, patience + std::chrono::seconds(2));
      return judge_answer(lab_.topology(), id, token, result);
    });
  }

  Lab& lab_;
  const Layout& layout_;
  std::mt19937_64 random_;
  std::uint64_t sequence_ = 0;
  std::future<Attempt> running_;
  Attempt last_;
};

}  // namespace

std::vector<std::string> request_command(const spec::Topology& topology, const Layout& layout,
                                         const std::string& id, const std::string& token,
                                         milliseconds at_most) {
  const spec::Workload& workload = topology.workload;
  std::vector<std::string> argv{"curl",        "--disable",     "--silent",   "--show-error",
                                "--globoff",   "--ipv4",        "--max-time", seconds_text(at_most),
                                "--write-out", "\n%{http_code}"};
  if (!workload.authority.empty()) {
    argv.emplace_back("--cacert");
    argv.push_back(layout.authority_certificate(workload.authority));
  }
  argv.emplace_back("--");
  argv.push_back(filled(workload.url, id, token));
  return argv;
}

Attempt judge_answer(const spec::Topology& topology, const std::string& id,
                     const std::string& token, const CommandResult& result) {
  const spec::Workload& workload = topology.workload;
  if (result.exit_code != 0) return {false, result.timed_out ? "curl did not end" : result.errors};
  const std::size_t last = result.output.rfind('\n');
  const std::string body = result.output.substr(0, last);
  const std::string status = last == std::string::npos ? "" : result.output.substr(last + 1);
  if (status != std::to_string(workload.expect_status))
    return {false, fmt::format("status {} instead of {}: {}", status, workload.expect_status,
                               body.substr(0, 300))};
  const std::string wanted = filled(workload.expect_body, id, token);
  if (body.find(wanted) == std::string::npos)
    return {false, fmt::format("the answer lacks '{}': {}", wanted, body.substr(0, 300))};
  return {true, {}};
}

ServiceWatch::ServiceWatch(const spec::Topology& topology, const Layout& layout, Progress progress)
    : topology_(topology), layout_(layout), progress_(std::move(progress)) {
  for (const spec::Host& host : topology.hosts)
    for (const std::string& service : host.services) {
      Seen& seen = services_.emplace_back();
      seen.host = host.name;
      seen.service = service;
    }
}

void ServiceWatch::look(MonoTime now) {
  for (Seen& seen : services_) look_at(seen, now);
  for (const spec::Host& host : topology_.hosts) {
    if (host.services.empty() || told_[host.name]) continue;
    std::string names;
    bool all = true;
    for (const Seen& seen : services_) {
      if (seen.host != host.name) continue;
      all = all && seen.running;
      names += (names.empty() ? "" : ", ") + seen.service;
    }
    if (!all) continue;
    told_[host.name] = true;
    if (progress_) progress_(fmt::format("{}: {} running", host.name, names));
  }
}

void ServiceWatch::look_at(Seen& seen, MonoTime now) {
  const SupervisedService is = read_service(layout_.host(seen.host).service_folder(seen.service));
  const bool started = is.pid != 0 && is.pid != seen.pid;
  if (started) ++seen.starts;
  if (started || (is.running && !seen.running)) seen.running_since = now;
  seen.pid = is.pid != 0 ? is.pid : seen.pid;
  seen.running = is.running;
  seen.state = is.state;
  if (!is.settled_down) {
    seen.down_since = {};
  } else if (seen.down_since == MonoTime{}) {
    seen.down_since = now;
  } else if (now - seen.down_since > settled_after) {
    throw Error("a daemon ended and its restart policy leaves it so:\n" + describe(seen));
  }
}

bool ServiceWatch::all_running(MonoTime now) const {
  return std::all_of(services_.begin(), services_.end(), [now](const Seen& seen) {
    return seen.running && now - seen.running_since >= settled_after;
  });
}

std::string ServiceWatch::describe(const Seen& seen) const {
  std::string text =
      fmt::format("{} on {} is {}", seen.service, seen.host, seen.running ? "running now" : "down");
  if (!seen.state.empty() && !seen.running) text += fmt::format(" (runsv: {})", seen.state);
  if (seen.state.empty()) text += " (never started)";
  if (seen.starts > 1) text += fmt::format(", started {} times", seen.starts);
  const std::string log = layout_.host(seen.host).log_file(seen.service);
  const std::vector<std::string> lines = last_lines(log, log_lines);
  text += lines.empty() ? "; its log is empty\n" : "; its log ends:\n";
  for (const std::string& line : lines) text += "    " + line + "\n";
  return text;
}

std::string ServiceWatch::diagnosis() const {
  std::vector<const Seen*> bad;
  for (const Seen& seen : services_)
    if (!seen.running || seen.starts >= many_starts) bad.push_back(&seen);
  std::stable_sort(bad.begin(), bad.end(), [](const Seen* a, const Seen* b) {
    return std::pair(a->running, -a->starts) < std::pair(b->running, -b->starts);
  });
  std::string text;
  for (std::size_t i = 0; i < bad.size() && i < services_told; ++i) text += describe(*bad[i]);
  if (bad.size() > services_told) text += fmt::format("and {} more\n", bad.size() - services_told);
  return text;
}

void wait_until_ready(Lab& lab, const Layout& layout, const Progress& progress,
                      milliseconds at_most, const Clock& clock) {
  const MonoTime start = clock.now();
  const bool has_workload = !lab.topology().workload.url.empty();
  ServiceWatch watch(lab.topology(), layout, progress);
  Requests requests(lab, layout);
  bool served = !has_workload;
  for (;;) {
    const MonoTime now = clock.now();
    const auto elapsed = std::chrono::floor<milliseconds>(now - start);
    watch.look(now);
    // Patience grows: at first a request into the void must not hold up the next one.
    const auto patience =
        std::min(least_patience + elapsed / 4,
                 std::chrono::ceil<milliseconds>(lab.topology().workload.timeout));
    if (!served) served = requests.step(patience);
    if (served && watch.all_running(now)) return;
    if (elapsed >= at_most) break;
    std::this_thread::sleep_for(look_period);
  }
  const std::string daemons = watch.diagnosis();
  throw Error(fmt::format(
      "not ready after {:.0f} s: {}{}{}", std::chrono::duration<double>(at_most).count(),
      served ? ""
             : fmt::format("no request passes end to end (the last one from {}: {})",
                           lab.topology().workload.from, requests.last_detail()),
      served || daemons.empty() ? "" : "\n", daemons.empty() ? "; every daemon runs" : daemons));
}

}  // namespace nospof::lab
