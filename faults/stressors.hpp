#pragma once
// What the faults share that load a host: drivers that count as the host's own processes.

#include <functional>
#include <string>
#include <vector>

#include "faults/driver.hpp"

namespace nospof::faults {

/// Several drivers in one cgroup, and how far they have come.
class Stressors {
 public:
  explicit Stressors(DriverPlace place) : place_(std::move(place)) {}

  std::vector<kinds::UndoRecord> undo() const { return {remove_cgroup_record(place_.cgroup)}; }
  void start(const std::string& kind, std::size_t count,
             const std::function<void(const DriverControl&)>& body);
  bool started() const { return !drivers_.empty(); }
  std::size_t alive();
  std::size_t count() const { return drivers_.size(); }
  std::int64_t amount() const;  ///< of all boards
  int failure() const;          ///< the first one; 0: none
  std::chrono::nanoseconds cpu_time() const;
  /// How the first of those that ended did so.
  std::string end() const;
  void stop();

 private:
  DriverPlace place_;
  std::vector<Driver> drivers_;
};

/// Where a stressor of this host belongs. Throws Error naming the fault when the host has no cgroup
/// of its own: nothing would bound what it takes.
DriverPlace stressor_place(const std::string& kind, const kinds::HostEnv& env);

/// "on db1": for all targets one placement with these parameters.
kinds::Plan plan_stress(const spec::KindInfo& info, const std::vector<std::string>& targets,
                        const std::string& service, const kinds::StackView& stack,
                        const boost::json::object& parameters, const std::string& effect);

}  // namespace nospof::faults
