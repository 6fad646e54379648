#pragma once
// Whether a lab that is coming up serves: every daemon runs, and one real request passes end to
// end.

#include <chrono>
#include <map>
#include <string>

#include "lab/lab.hpp"
#include "lab/layout.hpp"
#include "system/clock.hpp"

namespace nospof::lab {

/// One attempt of the workload's request, made by curl(1) on the workload's host.
struct Attempt {
  bool served = false;
  std::string detail;  ///< why not: curl's own words, or the status and the start of the body
};

/// The argv of one attempt. Pure.
std::vector<std::string> request_command(const spec::Topology& topology, const Layout& layout,
                                         const std::string& id, const std::string& token,
                                         std::chrono::milliseconds at_most);

/// Judges what curl answered (exit code, body and, on a last line of its own, the status). Pure.
Attempt judge_answer(const spec::Topology& topology, const std::string& id,
                     const std::string& token, const CommandResult& result);

/// Follows the daemons of a lab while it comes up.
class ServiceWatch {
 public:
  ServiceWatch(const spec::Topology& topology, const Layout& layout, Progress progress);

  /// Looks at all services; tells of each host whose services have come to run all. Throws Error
  /// with the log of a service that has ended for good.
  void look(MonoTime now);
  /// Whether every daemon has been running without a restart for a second: one that ends sooner is
  /// started once a second by runsv, and looks well for a moment each time.
  bool all_running(MonoTime now) const;
  /// What is wrong, by service, with the last lines of each log; empty when every daemon runs and
  /// none was started again and again.
  std::string diagnosis() const;

 private:
  struct Seen {
    std::string host, service;
    bool running = false;
    std::string state;
    pid_t pid = 0;
    int starts = 0;
    MonoTime running_since{};
    MonoTime down_since{};  ///< when it was first seen to have ended for good
  };
  void look_at(Seen& seen, MonoTime now);
  std::string describe(const Seen& seen) const;

  const spec::Topology& topology_;
  Layout layout_;
  Progress progress_;
  std::vector<Seen> services_;
  std::map<std::string, bool> told_;
};

/// Returns when the lab serves. Throws Error that says what is in the way.
void wait_until_ready(Lab& lab, const Layout& layout, const Progress& progress,
                      std::chrono::milliseconds at_most, const Clock& clock);

}  // namespace nospof::lab
