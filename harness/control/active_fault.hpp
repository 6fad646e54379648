#pragma once
// One fault of an experiment, from its plan to its confirmed healing, over the agents that carry it
// out.

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "control/session.hpp"
#include "kinds/fault.hpp"

namespace nospof::control {

/// Drives check -> inject -> confirm and heal -> confirm healed on every host that the plan names,
/// and asks the plan's witnesses. Every step becomes an event. What could not be confirmed is an
/// event too, not an exception.
class ActiveFault {
 public:
  ActiveFault(Session& session, std::string cell, std::string injection, std::string kind,
              kinds::Plan plan);

  /// All agents say whether it could work, and witnesses are asked; nothing is changed. Throws
  /// Error.
  asio::awaitable<void> check();
  /// Injects on all hosts at once; heals what was done and throws Error when one of them could not.
  /// The agents heal by themselves after `at_most`.
  asio::awaitable<void> inject(Nanoseconds at_most);
  /// Witnesses' second word, while the fault is in force.
  asio::awaitable<void> confirm_by_witnesses();
  /// Heals everywhere. Returns false when something may be left (an event says what).
  asio::awaitable<bool> heal();

  bool in_force() const { return in_force_; }
  std::int64_t injected_ns() const { return injected_ns_; }
  const std::vector<std::string>& blast_radius() const { return plan_.blast_radius; }

 private:
  std::string agent_host(const kinds::Placement& placement) const;
  asio::awaitable<bool> heal_one(const kinds::Placement& placement);
  /// Per witness whether its port answers; nothing when it could not be asked.
  asio::awaitable<std::vector<std::optional<bool>>> ask_witnesses();
  /// Whether the witness was as it has to be before the fault, so that it can tell.
  bool is_usable(std::size_t witness) const;
  bool all_forbidden() const;
  void record_steps(const kinds::Placement& placement, const json::object& answer);
  /// What the witnesses say; `told`: those that had to do with it.
  void record_witnesses(const std::string& step, bool confirmed, const std::string& detail,
                        const std::vector<std::size_t>& told);
  void record(const std::string& host, const std::string& step, bool ok, const std::string& detail);
  json::object step_fields(const std::string& host, const std::string& step, bool ok,
                           const std::string& detail) const;

  Session& session_;
  std::string cell_;
  std::string injection_;
  std::string kind_;
  kinds::Plan plan_;
  std::vector<std::optional<bool>> open_before_;
  bool in_force_ = false;
  std::int64_t injected_ns_ = 0;
};

/// Whether a witness's port answers, seen from its host. Exposed for the runner's events.
std::string witness_text(const kinds::Witness& witness);

}  // namespace nospof::control
