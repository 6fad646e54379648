#pragma once
// A child process that keeps a fault in force: it loads, fills or signals, and dies with its owner.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "system/host_limits.hpp"
#include "system/process.hpp"

namespace nospof::faults {

/// What a driver tells its owner, in memory that both see.
struct DriverBoard {
  std::atomic<std::int64_t> amount{0};  ///< bytes, rounds, signals: what its fault counts
  std::atomic<std::int64_t> rounds{0};
  std::atomic<int> failure{0};  ///< errno of what it could not do; 0: none
  std::atomic<bool> done{false};
};

/// What a driver's body may ask.
class DriverControl {
 public:
  explicit DriverControl(DriverBoard& board) : board_(board) {}
  DriverBoard& board() const { return board_; }
  bool stopping() const;  ///< its owner lets go of it, or is gone
  /// Returns early when it is to stop; whether it is not.
  bool sleep(std::chrono::nanoseconds duration) const;

 private:
  DriverBoard& board_;
};

/// Where a driver lives; the default is where its owner does.
struct DriverPlace {
  std::string cgroup;  ///< folder of a cgroup2 group that is made for it; empty: none
  LimitGroups groups;  ///< the host's own: what it uses counts as the host's
};

class Driver {
 public:
  Driver() = default;
  /// Forks (the caller has one thread). `body` runs without any descriptor of the caller's, until
  /// it returns or is to stop. With `tidy` it hears SIGTERM when its owner dies and has to put
  /// things right; without it is killed then. Throws when it can't join its groups.
  Driver(const DriverPlace& place, bool tidy, std::function<void(const DriverControl&)> body);

  bool started() const { return board_ != nullptr; }
  bool alive();
  pid_t pid() const { return child_.pid(); }
  DriverBoard& board() const { return *board_; }
  /// How it ended; empty while it lives.
  std::string end() const;
  /// CPU time it has used so far, by itself.
  std::chrono::nanoseconds cpu_time() const;
  /// Lets it put things right if it is tidy, and ends it. Nothing happens when it has ended.
  void stop();

 private:
  struct Unmap {
    void operator()(DriverBoard* board) const noexcept;
  };
  Child child_;
  bool tidy_ = false;
  std::unique_ptr<DriverBoard, Unmap> board_;
};

/// A cgroup2 folder below the host's, with a name that nobody has yet. Empty when the host has no
/// cgroup of its own.
std::string new_driver_cgroup(const kinds::HostEnv& env);

/// Undo record for a driver's cgroup: whatever lives in it ends, and it is removed.
kinds::UndoRecord remove_cgroup_record(const std::string& folder);

/// CPU time of a process and its threads. Nothing when there is no such process.
std::optional<std::chrono::nanoseconds> process_cpu_time(pid_t pid);

}  // namespace nospof::faults
