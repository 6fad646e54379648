#pragma once
// One injection's life in an agent, without any waiting: the caller asks again until it is
// confirmed.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>

#include "agent/journal.hpp"
#include "kinds/fault.hpp"
#include "system/clock.hpp"

namespace nospof::agent {

namespace json = boost::json;

/// Where undo records are kept; the agent's journal and understudy, or a test's.
class RecordKeeper {
 public:
  virtual ~RecordKeeper() = default;
  /// Returns once it is safe: it will be undone even if this process dies now. Throws otherwise.
  virtual OpenRecord keep(const std::string& injection, const kinds::UndoRecord& record) = 0;
  virtual void settle(std::int64_t number, const UndoResult& result) noexcept = 0;
};

/// Steps of one request, as they are answered.
class Steps {
 public:
  explicit Steps(const Clock& clock) : clock_(&clock) {}
  void add(std::string_view step, bool ok, std::string_view detail);
  /// For a step that took a while: the moment it began.
  void add(std::string_view step, bool ok, std::string_view detail, MonoTime begun);
  void add(std::string_view step, const kinds::Confirmation& confirmation);
  json::array take() { return std::move(list_); }

 private:
  json::object entry(std::string_view step, bool ok, std::string_view detail) const;
  const Clock* clock_;
  json::array list_;
};

/// "confirmed", "not-confirmed" or "unable".
std::string_view outcome_text(kinds::Confirmation::Outcome outcome);

/// Writes "confirmed", "outcome" and "evidence".
void add_confirmation(json::object& answer, const kinds::Confirmation& confirmation);

class ActiveInjection {
 public:
  enum class State {
    in_force,
    healed,
    undo_failed,  ///< to be tried again
  };

  /// check, undo records, inject. Throws when the check fails (nothing has happened). When a later
  /// step fails, what was done is taken back at once and the state is `healed` or `undo_failed`;
  /// failure() says what went wrong.
  ActiveInjection(std::string id, std::string kind, std::unique_ptr<kinds::Fault> fault,
                  kinds::HostEnv& env, RecordKeeper& keeper, Steps& steps);

  const std::string& id() const { return id_; }
  const std::string& kind() const { return kind_; }
  State state() const { return state_; }
  MonoTime since() const { return since_; }
  const std::string& failure() const { return failure_; }
  const kinds::Confirmation& last_confirmation() const { return last_; }
  const std::vector<OpenRecord>& open() const { return open_; }

  /// Lets go and executes the undo records that are still open, last one first. Does nothing when
  /// healed. Never throws. Returns whether it is healed now.
  bool take_back(Steps& steps) noexcept;

  /// Does it bite / is it gone? An exception counts as "unable".
  kinds::Confirmation confirm() noexcept;
  kinds::Confirmation confirm_healed() noexcept;

 private:
  std::string keep_records();
  kinds::Confirmation ask(kinds::Confirmation (kinds::Injection::*question)()) noexcept;

  std::string id_;
  std::string kind_;
  std::unique_ptr<kinds::Fault> fault_;
  kinds::HostEnv& env_;
  RecordKeeper& keeper_;
  std::unique_ptr<kinds::Injection> injection_;
  std::vector<OpenRecord> open_;
  State state_ = State::in_force;
  MonoTime since_{};
  std::string failure_;
  kinds::Confirmation last_;
  bool released_ = false;
};

}  // namespace nospof::agent
