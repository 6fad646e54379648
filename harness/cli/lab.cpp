// nospof lab up|status|exec|logs|down

#include "lab/lab.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/verbs.hpp"
#include "lab/host_environment.hpp"
#include "lab/layout.hpp"
#include "lab/record.hpp"
#include "lab/service_state.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "system/process.hpp"

namespace nospof::cli {

namespace fs = std::filesystem;

namespace {

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

bool is_topology_file(const std::string& target) {
  return target.ends_with(".yaml") || target.ends_with(".yml") ||
         target.find('/') != std::string::npos;
}

// A lab's name, or that of the one lab that was brought up from a topology file.
std::string find_lab(const std::string& target) {
  if (!is_topology_file(target)) return target;
  const std::string file = fs::absolute(target).lexically_normal().string();
  std::vector<std::string> names;
  for (const lab::LabEntry& entry : lab::list_labs())
    if (entry.topology_file == file) names.push_back(entry.name);
  if (names.empty())
    throw Error(
        fmt::format("no lab of {} is up; bring one up with 'nospof lab up {}'", target, target));
  if (names.size() > 1)
    throw Error(fmt::format("{} labs of {} are up, name one of them: {}", names.size(), target,
                            joined(names, ", ")));
  return names.front();
}

void print_labs() {
  const std::vector<lab::LabEntry> entries = lab::list_labs();
  if (entries.empty()) {
    fmt::print("no lab is up\n");
    return;
  }
  std::size_t width = 4;
  for (const lab::LabEntry& entry : entries) width = std::max(width, entry.name.size());
  fmt::print("{:<{}}  {:<5}  {}\n", "LAB", width, "STATE", "TOPOLOGY");
  for (const lab::LabEntry& entry : entries)
    fmt::print("{:<{}}  {:<5}  {}\n", entry.name, width, entry.alive ? "up" : "dead",
               entry.topology_file);
}

void print_hosts(lab::Lab& lab) {
  const std::vector<lab::HostStatus> hosts = lab.status();
  std::size_t width = 4;
  for (const lab::HostStatus& host : hosts) width = std::max(width, host.name.size());
  fmt::print("{:<{}}  {:<15}  {:<5}  {:>7}  {}\n", "HOST", width, "ADDRESS", "STATE", "PID",
             "SERVICES");
  for (const lab::HostStatus& host : hosts) {
    std::string services = joined(host.services_up, " ");
    if (host.on && !host.services_down.empty())
      services +=
          fmt::format("{}[down: {}]", services.empty() ? "" : " ", joined(host.services_down, " "));
    if (!host.on) services = host.detail;
    fmt::print("{:<{}}  {:<15}  {:<5}  {:>7}  {}\n", host.name, width,
               lab.topology().find_host(host.name)->address, host.on ? "on" : "off",
               host.on ? std::to_string(host.init_pid) : "-", services);
  }
}

}  // namespace

int lab_up_command(const std::string& topology_file, const std::string& name) {
  const spec::Topology topology = spec::read_topology(topology_file);
  lab::UpOptions options;
  options.name = name.empty() ? topology.name : name;
  options.progress = [](const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  lab::check_lab_name(options.name);
  std::unique_ptr<lab::Lab> lab;
  try {
    lab = lab::bring_up(topology, options);
  } catch (const MissingCapability&) {
    throw;
  } catch (const std::exception& e) {
    // The topology is well-formed, so it is no bad input: the stack does not come up.
    fmt::print(stderr, "nospof: {}\n", e.what());
    return 3;
  }
  fmt::print("lab {} is up: nospof lab status|exec|logs|down {}\n", lab->name(), lab->name());
  return 0;
}

int lab_status_command(const std::string& target) {
  if (target.empty())
    print_labs();
  else
    print_hosts(*lab::open_lab(find_lab(target)));
  return 0;
}

int lab_exec_command(const std::string& target, const std::string& host,
                     const std::vector<std::string>& argv) {
  const std::unique_ptr<lab::Lab> lab = lab::open_lab(find_lab(target));
  const lab::HostNamespaces namespaces = lab->enter(host);
  SpawnOptions options;
  options.argv = argv;
  options.namespaces = namespaces.list();
  options.environment = lab::host_environment();
  options.clean_environment = true;
  options.stdin_fd = STDIN_FILENO;
  options.stdout_fd = STDOUT_FILENO;
  options.stderr_fd = STDERR_FILENO;
  options.parent_death_signal = SIGHUP;
  // The terminal sends Ctrl-C to both; what it means is for the command to say.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGQUIT, SIG_IGN);
  Child child = spawn(options);
  while (!child.wait(std::chrono::hours(24))) {
  }
  const int status = *child.status();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// From the files alone, so that a dead lab can still be asked what happened.
int lab_logs_command(const std::string& target, const std::string& host, const std::string& service,
                     int lines) {
  const std::string name = find_lab(target);
  const lab::Layout layout = lab::Layout::of(lab::state_root(), name);
  if (!fs::exists(layout.folder)) lab::open_lab(name);  // throws, and names those there are
  const lab::HostLayout host_layout = layout.host(host);
  std::vector<std::string> known;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(host_layout.log, none))
    if (entry.path().extension() == ".log") known.push_back(entry.path().stem().string());
  std::sort(known.begin(), known.end());
  if (known.empty()) throw Error(fmt::format("lab {} has no host '{}' with logs", name, host));
  if (!service.empty() && std::find(known.begin(), known.end(), service) == known.end())
    throw Error(
        fmt::format("host {} has no log of '{}'; it has {}", host, service, joined(known, ", ")));
  const auto count = static_cast<std::size_t>(std::max(lines, 0));
  for (const std::string& one : known) {
    if (!service.empty() && one != service) continue;
    if (service.empty()) fmt::print("==> {} <==\n", one);
    for (const std::string& line : lab::last_lines(host_layout.log_file(one), count))
      fmt::print("{}\n", line);
  }
  return 0;
}

int lab_down_command(const std::string& target) {
  const std::string name = find_lab(target);
  if (!fs::exists(lab::Layout::of(lab::state_root(), name).folder)) lab::open_lab(name);  // throws
  try {
    fmt::print("{}\n", lab::end_lab(name));
  } catch (const std::exception& e) {
    fmt::print(stderr, "nospof: {}\n", e.what());
    return 5;
  }
  return 0;
}

int lab_keeper_command(const std::string& folder) {
  return lab::keeper_main(folder);
}

}  // namespace nospof::cli
