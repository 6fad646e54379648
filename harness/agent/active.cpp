#include "agent/active.hpp"

#include <fmt/format.h>

#include "agent/lines.hpp"
#include "system/check.hpp"

namespace nospof::agent {

json::object Steps::entry(std::string_view step, bool ok, std::string_view detail) const {
  return {{"step", step},
          {"mono_ns", clock_->now().time_since_epoch().count()},
          {"wall_ns", clock_->wall().time_since_epoch().count()},
          {"ok", ok},
          {"detail", valid_utf8(detail)}};
}

void Steps::add(std::string_view step, bool ok, std::string_view detail) {
  list_.push_back(entry(step, ok, detail));
}

void Steps::add(std::string_view step, bool ok, std::string_view detail, MonoTime begun) {
  json::object line = entry(step, ok, detail);
  line["wall_ns"] = line.at("wall_ns").as_int64() - (clock_->now() - begun).count();
  line["mono_ns"] = begun.time_since_epoch().count();
  list_.push_back(std::move(line));
}

void Steps::add(std::string_view step, const kinds::Confirmation& confirmation) {
  json::object line = entry(step, confirmation.outcome == kinds::Confirmation::Outcome::confirmed,
                            confirmation.evidence);
  line["outcome"] = outcome_text(confirmation.outcome);
  list_.push_back(std::move(line));
}

std::string_view outcome_text(kinds::Confirmation::Outcome outcome) {
  switch (outcome) {
    case kinds::Confirmation::Outcome::confirmed:
      return "confirmed";
    case kinds::Confirmation::Outcome::not_yet:
      return "not-confirmed";
    case kinds::Confirmation::Outcome::unable:
      return "unable";
  }
  return "unable";
}

void add_confirmation(json::object& answer, const kinds::Confirmation& confirmation) {
  answer["confirmed"] = confirmation.outcome == kinds::Confirmation::Outcome::confirmed;
  answer["outcome"] = outcome_text(confirmation.outcome);
  answer["evidence"] = valid_utf8(confirmation.evidence);
}

ActiveInjection::ActiveInjection(std::string id, std::string kind,
                                 std::unique_ptr<kinds::Fault> fault, kinds::HostEnv& env,
                                 RecordKeeper& keeper, Steps& steps)
    : id_(std::move(id)),
      kind_(std::move(kind)),
      fault_(std::move(fault)),
      env_(env),
      keeper_(keeper),
      injection_(fault_->prepare(env_)),
      since_(env.clock->now()) {
  steps.add("check", true, kind_ + " can work here");
  std::string_view step = "undo-written";
  try {
    steps.add(step, true, keep_records());
    step = "inject";
    since_ = env_.clock->now();
    injection_->inject();
    // Users may feel it from here on, so nothing later may count as the time before the fault.
    steps.add(step, true, kind_ + " in force", since_);
    return;
  } catch (const std::exception& e) {
    failure_ = e.what();
  } catch (...) {
    failure_ = "unknown error";
  }
  steps.add(step, false, failure_);
  take_back(steps);
}

std::string ActiveInjection::keep_records() {
  for (const kinds::UndoRecord& record : injection_->undo())
    open_.push_back(keeper_.keep(id_, record));
  return fmt::format("{} undo records in journal and understudy", open_.size());
}

bool ActiveInjection::take_back(Steps& steps) noexcept {
  if (state_ == State::healed) return true;
  std::string detail;
  try {
    if (!released_) injection_->release();
    released_ = true;
  } catch (const std::exception& e) {
    detail = fmt::format("release: {}", e.what());
  } catch (...) {
    detail = "release: unknown error";
  }
  bool all_done = released_;
  for (auto entry = open_.rbegin(); entry != open_.rend();) {
    const UndoResult result = execute_undo(entry->record, env_);
    keeper_.settle(entry->number, result);
    detail += (detail.empty() ? "" : "; ") + result.detail;
    all_done = all_done && result.done;
    if (result.done)
      entry = std::make_reverse_iterator(open_.erase(std::next(entry).base()));
    else
      ++entry;
  }
  state_ = all_done ? State::healed : State::undo_failed;
  steps.add("heal", all_done, detail);
  return all_done;
}

kinds::Confirmation ActiveInjection::ask(
    kinds::Confirmation (kinds::Injection::*question)()) noexcept {
  try {
    last_ = (injection_.get()->*question)();
  } catch (const std::exception& e) {
    last_ = {kinds::Confirmation::Outcome::unable, e.what()};
  } catch (...) {
    last_ = {kinds::Confirmation::Outcome::unable, "unknown error"};
  }
  return last_;
}

kinds::Confirmation ActiveInjection::confirm() noexcept {
  return ask(&kinds::Injection::confirm);
}

kinds::Confirmation ActiveInjection::confirm_healed() noexcept {
  return ask(&kinds::Injection::confirm_healed);
}

}  // namespace nospof::agent
