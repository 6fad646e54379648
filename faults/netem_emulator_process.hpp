#pragma once
// The emulator as a child process: started, looked at, ended.

#include <memory>
#include <string>

#include "faults/netem_emulator.hpp"
#include "system/process.hpp"

namespace nospof::faults {

/// Owns the process. The destructor tells it to let go, and waits. When this process dies, the
/// emulator sees that and does the same by itself; when the emulator dies, the kernel removes its
/// table and its queue, and packets pass.
class EmulatorProcess {
 public:
  /// Forks; acts in the network namespace of the calling thread. Returns when packets are taken.
  /// Throws Error with what the emulator says.
  explicit EmulatorProcess(const EmulatorOptions& options);
  EmulatorProcess(const EmulatorProcess&) = delete;
  EmulatorProcess& operator=(const EmulatorProcess&) = delete;
  ~EmulatorProcess();

  /// Its process is named like its table, so that it can be found when nobody owns it any more.
  static std::string process_name(const std::string& table) { return table; }

  pid_t pid() const { return process_.pid(); }
  bool running() { return process_.running(); }
  const EmulatorCounters& counters() const { return *counters_; }

 private:
  struct Unmap {
    void operator()(EmulatorCounters* counters) const noexcept;
  };
  std::unique_ptr<EmulatorCounters, Unmap> counters_;
  UniqueFd control_;
  Child process_;
};

}  // namespace nospof::faults
