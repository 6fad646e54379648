#pragma once
// A real runsvdir with services of a test's own, in a folder and a cgroup of its own.

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "agent/services.hpp"
#include "lab/services.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {

using namespace std::chrono_literals;

/// Far beyond what anything here takes: only a broken test gets to it.
inline constexpr auto patience = 30s;

inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

class Supervised : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes cgroups and changes users";
    static std::atomic<int> number{0};
    cgroup_ = fmt::format("{}/nospof-test-{}-{}", cgroup2_mount(), ::getpid(), ++number);
    create_cgroup(cgroup_);
    make_folder("sv");
    make_folder("log");
  }

  void TearDown() override {
    if (cgroup_.empty()) return;
    kill_cgroup(cgroup_);
    runsvdir_ = Child();
    EXPECT_TRUE(remove_cgroup(cgroup_, 10s)) << cgroup_;
  }

  static lab::ServicePlan plan(const std::string& name, std::vector<std::string> command,
                               spec::RestartPolicy restart) {
    lab::ServicePlan service;
    service.name = name;
    service.command = std::move(command);
    service.user = "root";
    service.restart = restart;
    service.restart_delay = 100ms;
    service.stop_signal = "TERM";
    return service;
  }

  void add(const lab::ServicePlan& service) {
    lab::write_service_folder(service, folder_ / ("sv/" + service.name), log_file(service.name),
                              lab::service_cgroup(cgroup_, service.name));
  }

  void start() {
    // runsvdir sleeps for a second before it looks into a folder that has just changed.
    std::filesystem::last_write_time(folder_ / "sv",
                                     std::filesystem::file_time_type::clock::now() - 1min);
    const UniqueFd procs = open_file(cgroup_ + "/cgroup.procs", O_WRONLY);
    SpawnOptions options;
    options.argv = {"runsvdir", "-P", folder_ / "sv"};
    options.environment = {{"NOSPOF_TEST_SECRET", "of the caller"}};
    options.cgroup_procs_fd = procs.get();
    options.parent_death_signal = SIGHUP;
    runsvdir_ = spawn(options);
  }

  std::string log_file(const std::string& service) const {
    return folder_ / ("log/" + service + ".log");
  }
  std::string log(const std::string& service) const { return text_of(log_file(service)); }

  /// What runsv says: "run", "down", "finish, want down", ...; empty when it says nothing yet.
  std::string state(const std::string& service) const {
    const std::string text = text_of(folder_ / ("sv/" + service + "/supervise/stat"));
    return text.substr(0, text.find('\n'));
  }
  pid_t main_pid(const std::string& service) const {
    const std::string text = text_of(folder_ / ("sv/" + service + "/supervise/pid"));
    return text.empty() ? 0 : std::stoi(text);
  }
  /// Waits until it runs and has become its command (not the script that prepares it).
  ProcessId running(const std::string& service, const std::string& command,
                    const ProcessId& other_than = {}) const {
    std::optional<ProcessState> found;
    EXPECT_TRUE(eventually([&] {
      if (!state(service).starts_with("run") || !status_is_written(service)) return false;
      found = read_process(main_pid(service));
      return found && found->command == command && found->id != other_than;
    })) << service
        << " is " << state(service) << ", log: " << log(service);
    return found ? found->id : ProcessId{};
  }
  /// runsv writes `pid` and `stat` first, and `status`, which nospof reads, a moment later.
  bool status_is_written(const std::string& service) const {
    const auto file = folder_ / ("sv/" + service + "/supervise/status");
    const auto status = agent::parse_runit_status(read_file(file));
    return status.phase == agent::RunitStatus::Phase::run && status.pid == main_pid(service);
  }
  bool is_down(const std::string& service) const { return state(service) == "down"; }
  /// Down because its policy left it so; before its first start it is down as well.
  bool was_left_down(const std::string& service) const {
    return is_down(service) && log(service).find("stays down") != std::string::npos;
  }

  void control(const std::string& service, const std::string& letter) const {
    const std::string file = folder_ / ("sv/" + service + "/supervise/control");
    const UniqueFd fd = open_file(file, O_WRONLY | O_NONBLOCK);
    write_all(fd.get(), letter, file);
  }

  void make_folder(const std::string& name) {
    check("mkdir " + name, ::mkdir((folder_ / name).c_str(), 0755));
  }

  TemporaryFolder folder_;
  std::string cgroup_;

 private:
  static std::string text_of(const std::string& path) {
    try {
      return read_file(path);
    } catch (const SystemError&) {
      return {};
    }
  }

  Child runsvdir_;
};

}  // namespace nospof::test
