#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "cli/verbs.hpp"
#include "hosts/transport.hpp"
#include "lab/lab.hpp"
#include "system/check.hpp"

namespace nospof::cli {

namespace {

using namespace std::chrono_literals;

// An understudy at work is waited for on the host; see agent/agent.hpp.
constexpr auto host_deadline = 30s;
constexpr auto boot_deadline = 5s;

/// What was done, and whether all of it worked.
struct Report {
  std::vector<std::string> lines;
  bool complete = true;
};

// Everything that a program of ours says until it ends; throws Error when that takes too long.
std::string output_of(hosts::RemoteProcess& process, const std::string& host) {
  process.to_stdin.reset();
  std::string text;
  std::array<char, 4096> block{};
  const auto end = std::chrono::steady_clock::now() + host_deadline;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd entry{process.from_stdout.get(), POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (check("poll", ready) == 0)
      throw Error(fmt::format("{}: recovery takes longer than {} s", host, host_deadline.count()));
    const ssize_t n = ::read(process.from_stdout.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (check("read", n) == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(n));
  }
}

// Has the host's own program do something (--recover, --status) and reports what it says.
void ask_host(lab::Lab& lab, hosts::Transport& transport, const std::string& host,
              const std::string& flag, Report& report) {
  try {
    std::vector<std::string> arguments = hosts::lab_agent_arguments(lab, host);
    arguments.push_back(flag);
    hosts::RemoteProcess process = transport.start(host, arguments);
    const std::string text = output_of(process, host);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      report.lines.push_back(fmt::format("{}/{}", lab.name(), text.substr(begin, end - begin)));
      begin = end + 1;
    }
    const auto status = process.child.wait(host_deadline);
    if (status && *status == 0) return;
    if (text.empty())
      report.lines.push_back(
          fmt::format("{}/{}: it {}", lab.name(), host,
                      status ? describe_wait_status(*status) : std::string("does not end")));
  } catch (const std::exception& e) {
    report.lines.push_back(fmt::format("{}/{}: {}", lab.name(), host, e.what()));
  }
  report.complete = false;
}

// A host whose power was given back a moment ago is still booting.
std::vector<std::string> hosts_off(lab::Lab& lab) {
  const auto end = std::chrono::steady_clock::now() + boot_deadline;
  for (;;) {
    std::vector<std::string> off;
    for (const lab::HostStatus& host : lab.status())
      if (!host.on) off.push_back(host.name);
    if (off.empty() || std::chrono::steady_clock::now() >= end) return off;
    std::this_thread::sleep_for(50ms);
  }
}

void recover_lab(const std::string& name, Report& report) {
  const std::unique_ptr<lab::Lab> lab = lab::open_lab(name);
  const std::unique_ptr<hosts::Transport> transport = hosts::lab_transport(*lab);
  // Power first: nothing can be asked of a host that is off.
  ask_host(*lab, *transport, hosts::power_host, "--recover", report);
  const std::vector<std::string> off = hosts_off(*lab);
  for (const spec::Host& host : lab->topology().hosts) {
    if (std::ranges::find(off, host.name) == off.end()) {
      ask_host(*lab, *transport, host.name, "--recover", report);
    } else {
      report.lines.push_back(fmt::format("{}/{}: is off", name, host.name));
      report.complete = false;
    }
  }
}

void status_of_lab(const std::string& name, Report& report) {
  const std::unique_ptr<lab::Lab> lab = lab::open_lab(name);
  const std::unique_ptr<hosts::Transport> transport = hosts::lab_transport(*lab);
  ask_host(*lab, *transport, hosts::power_host, "--status", report);
  const auto is_on = [&lab](const std::string& host) {
    const std::vector<lab::HostStatus> hosts = lab->status();
    const auto found = std::ranges::find(hosts, host, &lab::HostStatus::name);
    return found != hosts.end() && found->on;
  };
  for (const spec::Host& host : lab->topology().hosts) {
    const Report off{{fmt::format("{}/{}: is off", name, host.name)}};
    Report of_host = off;
    if (is_on(host.name)) {
      of_host = {};
      ask_host(*lab, *transport, host.name, "--status", of_host);
      // A run that goes on may have cut its power meanwhile.
      if (!of_host.complete && !is_on(host.name)) of_host = off;
    }
    report.lines.insert(report.lines.end(), of_host.lines.begin(), of_host.lines.end());
    report.complete = report.complete && of_host.complete;
  }
}

// All labs or the one of that name; throws when there is none.
void for_each_lab(const std::string& only, Report& report,
                  const std::function<void(const lab::LabEntry&, Report&)>& visit) {
  bool found = only.empty();
  for (const lab::LabEntry& entry : lab::list_labs()) {
    if (!only.empty() && entry.name != only) continue;
    found = true;
    try {
      visit(entry, report);
    } catch (const std::exception& e) {
      report.lines.push_back(fmt::format("{}: {}", entry.name, e.what()));
      report.complete = false;
    }
  }
  if (!found)
    throw Error(fmt::format("there is no lab '{}'; 'nospof lab status' lists them", only));
}

}  // namespace

int status_command(const std::string& lab) {
  Report report;
  for_each_lab(lab, report, [](const lab::LabEntry& entry, Report& to) {
    if (entry.alive) return status_of_lab(entry.name, to);
    to.lines.push_back(
        fmt::format("{}: dead, its keeper is gone: run `nospof recover`", entry.name));
    to.complete = false;
  });
  for (const std::string& line : report.lines) fmt::print("{}\n", line);
  if (report.lines.empty()) fmt::print("nothing is in force\n");
  return report.complete ? 0 : 5;
}

int recover_command(const std::string& lab) {
  Report report;
  for_each_lab(lab, report, [](const lab::LabEntry& entry, Report& to) {
    if (entry.alive) recover_lab(entry.name, to);
  });
  try {
    lab::SweepResult swept = lab::sweep_dead_labs(lab);
    for (std::string& line : swept.lines) report.lines.push_back(std::move(line));
    report.complete = report.complete && swept.complete;
  } catch (const std::exception& e) {
    report.lines.emplace_back(e.what());
    report.complete = false;
  }
  for (const std::string& line : report.lines) fmt::print("{}\n", line);
  if (report.lines.empty()) fmt::print("nothing to recover\n");
  return report.complete ? 0 : 5;
}

}  // namespace nospof::cli
