#pragma once
// Faults of any kind on three hosts of one link, driven as the agent drives them: from one thread
// per host that lives as long as the agent would (helper processes die with it), or from an owner
// process that can be killed.

#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent/undo.hpp"
#include "fault_support.hpp"
#include "system/nftables.hpp"
#include "system/process.hpp"

namespace nospof::test {

using kinds::Confirmation;
using Names = std::vector<std::string>;
using Outcome = Confirmation::Outcome;

/// A thread inside a host.
class HostThread {
 public:
  explicit HostThread(const LinkedHost& host)
      : thread_([this, fd = host.namespace_fd()] {
          check("setns", ::setns(fd, CLONE_NEWNET));
          work();
        }) {}
  ~HostThread() {
    post({});
    thread_.join();
  }
  HostThread(const HostThread&) = delete;
  HostThread& operator=(const HostThread&) = delete;

  template <typename Work>
  auto run(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    post([&task] { task(); });
    return result.get();
  }

 private:
  void post(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    wake_.notify_one();
  }
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      if (!job) return;
      job();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
};

/// What a program prints inside a host.
inline std::string output_of(const LinkedHost& host, const std::vector<std::string>& argv) {
  SpawnOptions options;
  options.argv = argv;
  options.namespaces = {{host.namespace_fd(), CLONE_NEWNET}};
  const CommandResult result = run_command(options, 10s);
  EXPECT_EQ(result.exit_code, 0) << argv[0] << ": " << result.errors;
  return result.output;
}

inline void run_on(const LinkedHost& host, const std::vector<std::string>& argv) {
  output_of(host, argv);
}

/// Waits until no IPv6 address is tentative any more, as it is for a moment after a link came up.
inline void wait_for_addresses(const LinkedHost& host) {
  const auto end = std::chrono::steady_clock::now() + arrival;
  while (output_of(host, {"ip", "address"}).find("tentative") != std::string::npos &&
         std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(20ms);
}

/// Links, addresses, routes, permanent neighbours and rules of a host, as ip(8), tc(8) and nft(8)
/// print them.
inline std::string snapshot(const LinkedHost& host) {
  wait_for_addresses(host);
  std::string text;
  for (const std::vector<std::string>& argv :
       std::vector<std::vector<std::string>>{{"ip", "-o", "link"},
                                             {"ip", "-o", "address"},
                                             {"ip", "rule"},
                                             {"ip", "route", "show", "table", "all"},
                                             {"ip", "-6", "route", "show", "table", "all"},
                                             {"ip", "neigh", "show", "nud", "permanent"},
                                             {"tc", "qdisc", "show"},
                                             {"nft", "-a", "-s", "list", "ruleset"}})
    text += output_of(host, argv);
  return text;
}

/// One placement on one host.
struct Placed {
  LinkedHost* host;
  HostThread* thread;
  std::unique_ptr<kinds::Injection> injection;
};

class NetworkFault : public LinkedHosts {
 protected:
  /// Set before anything else: the mounts that hosts see.
  UniqueFd mounts_;
  void enter_mounts() const {
    if (!mounts_) return;
    check("unshare CLONE_FS", ::unshare(CLONE_FS));
    check("setns mnt", ::setns(mounts_.get(), CLONE_NEWNS));
  }

  using Kind = std::unique_ptr<kinds::FaultKind> (*)();

  HostThread& thread_of(LinkedHost& host) {
    auto& thread = threads_[host.name()];
    if (!thread) {
      thread = std::make_unique<HostThread>(host);
      thread->run([this] { enter_mounts(); });
    }
    return *thread;
  }

  Placed prepare_on(LinkedHost& host, Kind make, const boost::json::object& parameters) {
    HostThread& thread = thread_of(host);
    const auto fault = make()->make(parameters);
    kinds::HostEnv env{.host = host.name()};
    return {&host, &thread, thread.run([&] { return fault->prepare(env); })};
  }

  std::vector<Placed> prepare(Kind make, const Names& targets,
                              const spec::Parameters& parameters = {}) {
    std::vector<Placed> prepared;
    for (const auto& placement : make()->plan(targets, "", parameters, stack_).placements)
      prepared.push_back(prepare_on(named(placement.host), make, placement.parameters));
    return prepared;
  }

  static void put_in_force(Placed& placed) {
    placed.thread->run([&] { placed.injection->inject(); });
    const auto answer = ask(placed, &kinds::Injection::confirm);
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << placed.host->name() << ": " << answer.evidence;
  }

  std::vector<Placed> inject(Kind make, const Names& targets,
                             const spec::Parameters& parameters = {}) {
    auto prepared = prepare(make, targets, parameters);
    for (Placed& placed : prepared) put_in_force(placed);
    return prepared;
  }

  static Confirmation ask(Placed& placed, Confirmation (kinds::Injection::*question)()) {
    return until_confirmed(
        [&] { return placed.thread->run([&] { return (placed.injection.get()->*question)(); }); });
  }

  static void heal(std::vector<Placed>& all) {
    for (Placed& placed : all) {
      kinds::HostEnv env{.host = placed.host->name()};
      placed.thread->run([&] {
        placed.injection->release();
        const auto records = placed.injection->undo();
        for (auto record = records.rbegin(); record != records.rend(); ++record) {
          const auto result = agent::execute_undo(*record, env);
          EXPECT_TRUE(result.done) << result.detail;
        }
      });
      const auto answer = ask(placed, &kinds::Injection::confirm_healed);
      EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    }
  }

  /// A process that put a fault in force, as an agent does, and the undo records it left.
  struct Owner {
    Child process;
    boost::json::array records;
    std::string evidence;
  };
  /// `in_force`: false stops before inject().
  Owner start_owner(LinkedHost& host, Kind make, const boost::json::object& parameters,
                    bool in_force = true) {
    Pipe ready = make_pipe();
    Owner owner;
    owner.process =
        fork_process({.namespaces = 0, .cgroup_fd = -1, .parent_death_signal = SIGKILL}, [&] {
          check("setns", ::setns(host.namespace_fd(), CLONE_NEWNET));
          enter_mounts();
          boost::json::object told;
          try {
            const auto fault = make()->make(parameters);
            kinds::HostEnv env{.host = host.name()};
            const auto injection = fault->prepare(env);
            boost::json::array records;
            for (const auto& record : injection->undo()) records.push_back(record);
            told["records"] = records;
            if (in_force) {
              injection->inject();
              const auto answer = until_confirmed([&] { return injection->confirm(); });
              told["evidence"] = answer.evidence;
              told["confirmed"] = answer.outcome == Outcome::confirmed;
            }
            write_all(ready.write_end.get(), boost::json::serialize(told) + "\n", "pipe");
            for (;;) ::pause();
          } catch (const std::exception& e) {
            told["failed"] = e.what();
            write_all(ready.write_end.get(), boost::json::serialize(told) + "\n", "pipe");
          }
          return 1;
        });
    ready.write_end.reset();
    std::string text;
    char byte = 0;
    while (is_readable(ready.read_end.get(), arrival) &&
           ::read(ready.read_end.get(), &byte, 1) == 1 && byte != '\n')
      text += byte;
    const auto told = boost::json::parse(text).as_object();
    EXPECT_EQ(told.if_contains("failed"), nullptr) << text;
    if (in_force) {
      EXPECT_TRUE(told.at("confirmed").as_bool()) << text;
      owner.evidence = std::string(told.at("evidence").as_string());
    }
    owner.records = told.at("records").as_array();
    return owner;
  }

  static void kill(Owner& owner) {
    owner.process.signal(SIGKILL);
    ASSERT_TRUE(owner.process.wait(arrival));
  }

  /// Executes undo records in a process that knows nothing else.
  void recover(const LinkedHost& host, const boost::json::array& records) {
    Child fresh =
        fork_process({.namespaces = 0, .cgroup_fd = -1, .parent_death_signal = SIGKILL}, [&] {
          check("setns", ::setns(host.namespace_fd(), CLONE_NEWNET));
          enter_mounts();
          kinds::HostEnv env{.host = host.name()};
          bool all = true;
          for (auto record = records.rbegin(); record != records.rend(); ++record) {
            const auto result = agent::execute_undo(record->as_object(), env);
            if (!result.done) fmt::print(stderr, "not undone: {}\n", result.detail);
            all = all && result.done;
          }
          return all ? 0 : 1;
        });
    const auto status = fresh.wait(arrival);
    ASSERT_TRUE(status);
    EXPECT_EQ(WEXITSTATUS(*status), 0);
  }

  /// The whole of it: SIGKILL to the owner while the fault is in force, then its records, twice;
  /// afterwards the host is as it was.
  void expect_recovered_after_death(LinkedHost& host, Kind make,
                                    const boost::json::object& parameters) {
    const std::string before = snapshot(host);
    Owner idle = start_owner(host, make, parameters, false);
    EXPECT_EQ(snapshot(host), before) << "prepare() changed something";
    kill(idle);
    recover(host, idle.records);
    EXPECT_EQ(snapshot(host), before) << "undoing what was never done changed something";
    Owner owner = start_owner(host, make, parameters);
    kill(owner);
    recover(host, owner.records);
    EXPECT_EQ(snapshot(host), before);
    recover(host, owner.records);
    EXPECT_EQ(snapshot(host), before);
  }

  static std::string refusal(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  boost::json::object placement(Kind make, const std::string& host,
                                const spec::Parameters& parameters = {}) const {
    for (const auto& placement : make()->plan({host}, "", parameters, stack_).placements)
      if (placement.host == host) return placement.parameters;
    throw Error("no placement on " + host);
  }

  static void load(const LinkedHost& host, const std::string& rules) {
    host.in([&] { NftContext().run(rules); });
  }

 private:
  std::map<std::string, std::unique_ptr<HostThread>> threads_;
};

/// Rules that let everything pass as early as rules can, and established connections once more.
inline constexpr const char* accept_all_early = R"(
table netdev early {
  chain in { type filter hook ingress device "eth0" priority -500; policy accept; counter accept; }
  chain out { type filter hook egress device "eth0" priority -500; policy accept; counter accept; }
}
table inet host {
  chain pre { type filter hook prerouting priority -400; policy accept; counter accept; }
  chain in {
    type filter hook input priority -400; policy accept
    ct state established,related counter accept
    accept
  }
  chain out { type filter hook output priority -400; policy accept; counter accept; }
}
)";

}  // namespace nospof::test
