#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>

#include "agent/services.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"

namespace nospof::agent {

namespace {

using namespace std::chrono_literals;

// runsv sleeps for 1 s after a service that lived for less than that, deaf to commands meanwhile.
constexpr auto command_deadline = 3s;
// The lab's finish script takes up to 5 s to end what is left of a service, 4 s to kill it.
constexpr auto decision_deadline = 10s;
constexpr std::size_t status_size = 20;
constexpr int most_lists = 50;

bool readable_phase(std::uint8_t phase) {
  return phase <= 2;
}

class RunitServices final : public kinds::ServiceManager {
 public:
  RunitServices(std::string runit_folder, std::string cgroup_folder)
      : runit_folder_(std::move(runit_folder)), cgroup_folder_(std::move(cgroup_folder)) {}

  std::vector<std::string> list() const override;
  kinds::ServiceState state(const std::string& service) const override;
  void hold_down(const std::string& service) override;
  void stop(const std::string& service) override;
  void start(const std::string& service) override;

 private:
  std::string path(const std::string& service, const char* file) const;
  void require(const std::string& service) const;
  bool supervised(const std::string& service) const;
  bool restart_is_decided(const std::string& service) const;
  void wait_for_decision(const std::string& service) const;
  RunitStatus status(const std::string& service) const;
  void command(const std::string& service, char letter,
               const std::function<bool(const RunitStatus&)>& taken) const;

  std::string runit_folder_;
  std::string cgroup_folder_;
};

std::string RunitServices::path(const std::string& service, const char* file) const {
  return fmt::format("{}/{}/supervise/{}", runit_folder_, service, file);
}

std::vector<std::string> RunitServices::list() const {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(runit_folder_, failure)) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && entry.is_directory()) names.push_back(std::move(name));
  }
  if (failure) throw SystemError("list services in " + runit_folder_, failure.value());
  std::ranges::sort(names);
  return names;
}

void RunitServices::require(const std::string& service) const {
  const bool plain =
      !service.empty() && !service.starts_with('.') && service.find('/') == std::string::npos;
  if (plain && std::filesystem::is_directory(runit_folder_ + "/" + service)) return;
  std::string known;
  for (const std::string& name : list()) known += (known.empty() ? "" : ", ") + name;
  throw Error(fmt::format("no service '{}' in {}; there are: {}", service, runit_folder_, known));
}

// runsv holds the reading end of `ok` open as long as it lives: without it nobody reads the
// commands, and the status is what was true when it ended.
bool RunitServices::supervised(const std::string& service) const {
  const std::string ok = path(service, "ok");
  const UniqueFd fd(::open(ok.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno != ENXIO && errno != ENOENT) check("open " + ok, -1);
  return static_cast<bool>(fd);
}

// What the lab's finish script leaves while it waits out a service's restart delay.
bool RunitServices::restart_is_decided(const std::string& service) const {
  return std::filesystem::exists(runit_folder_ + "/" + service + "/restarting");
}

// A policy by which it stays down would have the last word over a command that comes before it.
void RunitServices::wait_for_decision(const std::string& service) const {
  const auto end = std::chrono::steady_clock::now() + decision_deadline;
  while (state(service).clearing_up) {
    if (std::chrono::steady_clock::now() >= end)
      throw Error(
          fmt::format("service '{}' has ended, and its supervisor has not decided within "
                      "{} s what comes next; it can't be started yet",
                      service, decision_deadline.count()));
    std::this_thread::sleep_for(2ms);
  }
}

RunitStatus RunitServices::status(const std::string& service) const {
  const std::string file = path(service, "status");
  try {
    return parse_runit_status(read_file(file));
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", file, e.what()));
  }
}

kinds::ServiceState RunitServices::state(const std::string& service) const {
  require(service);
  kinds::ServiceState result;
  result.name = service;
  if (!cgroup_folder_.empty()) result.cgroup = fmt::format("{}/svc-{}", cgroup_folder_, service);
  if (supervised(service)) {
    const RunitStatus now = status(service);
    result.wanted_up = now.want_up;
    result.clearing_up = now.phase == RunitStatus::Phase::finish && !restart_is_decided(service);
    if (now.phase == RunitStatus::Phase::run && now.pid != 0) {
      const auto process = read_process(now.pid);
      // A zombie runs no more; runsv just has not reaped it yet.
      if (process && process->state != 'Z' && process->state != 'X') {
        result.running = true;
        result.main_process = process->id;
        result.processes.push_back(process->id);
      } else {
        result.clearing_up = true;
      }
    }
  }
  if (result.cgroup.empty()) return result;
  for (const ProcessId& id : cgroup_processes(result.cgroup))
    if (!result.main_process || id != *result.main_process) result.processes.push_back(id);
  return result;
}

void RunitServices::command(const std::string& service, char letter,
                            const std::function<bool(const RunitStatus&)>& taken) const {
  if (!supervised(service))
    throw Error(fmt::format("no runsv runs for service '{}' ({})", service, runit_folder_));
  const std::string control = path(service, "control");
  {
    const UniqueFd fd = open_file(control, O_WRONLY | O_NONBLOCK);
    write_all(fd.get(), std::string_view(&letter, 1), control);
  }
  const auto end = std::chrono::steady_clock::now() + command_deadline;
  while (!taken(status(service))) {
    if (std::chrono::steady_clock::now() >= end)
      throw Error(fmt::format("runsv did not take command '{}' for service '{}' within {} s",
                              letter, service, command_deadline.count()));
    std::this_thread::sleep_for(1ms);
  }
}

void RunitServices::hold_down(const std::string& service) {
  require(service);
  // "Once" to a service that is down and not wanted would start it.
  if (supervised(service) && !status(service).want_up) return;
  command(service, 'o', [](const RunitStatus& now) { return !now.want_up; });
}

void RunitServices::stop(const std::string& service) {
  require(service);
  command(service, 'd', [](const RunitStatus& now) { return !now.want_up; });
}

void RunitServices::start(const std::string& service) {
  require(service);
  wait_for_decision(service);
  const RunitStatus before = status(service);
  // Its earlier starts, which its supervisor counts, are forgotten: systemctl reset-failed.
  std::error_code none;
  std::filesystem::remove(runit_folder_ + "/" + service + "/starts", none);
  // What ends at once and is left down by its policy may have been up for too short to be seen.
  command(service, 'u', [&before](const RunitStatus& now) {
    return now.want_up ||
           (before.phase == RunitStatus::Phase::down && now.phase == RunitStatus::Phase::down &&
            now.changed_at != before.changed_at);
  });
}

}  // namespace

RunitStatus parse_runit_status(std::string_view bytes) {
  if (bytes.size() != status_size)
    throw Error(fmt::format("runit status of {} bytes instead of {}", bytes.size(), status_size));
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (!readable_phase(byte(19))) throw Error(fmt::format("runit status with phase {}", byte(19)));
  RunitStatus status;
  status.changed_at = bytes.substr(0, 12);
  // The pid is little-endian on every machine.
  std::uint32_t pid = 0;
  for (std::size_t i = 0; i < 4; ++i) pid |= static_cast<std::uint32_t>(byte(12 + i)) << (8 * i);
  status.pid = static_cast<pid_t>(pid);
  status.paused = byte(16) != 0;
  status.want_up = byte(17) == 'u';
  status.got_term = byte(18) != 0;
  status.phase = static_cast<RunitStatus::Phase>(byte(19));
  return status;
}

std::vector<ProcessId> cgroup_processes(const std::string& folder) {
  // Who ended between the list and the look at it may have forked in between: its child is on no
  // list yet, so only a list whose members were all still there is complete. What forks faster than
  // it can be looked at is listed as far as it was seen.
  std::vector<ProcessId> processes;
  for (int attempt = 0; attempt < most_lists; ++attempt) {
    processes.clear();
    bool complete = true;
    for (const pid_t pid : cgroup_members(folder)) {
      const auto state = read_process(pid);
      if (state && state->state != 'Z' && state->state != 'X')
        processes.push_back(state->id);
      else
        complete = false;
    }
    if (complete) break;
  }
  return processes;
}

std::unique_ptr<kinds::ServiceManager> runit_services(std::string runit_folder,
                                                      std::string cgroup_folder) {
  return std::make_unique<RunitServices>(std::move(runit_folder), std::move(cgroup_folder));
}

}  // namespace nospof::agent
