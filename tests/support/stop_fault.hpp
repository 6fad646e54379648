#pragma once
// A kind of fault for tests of the agent: stops one process of the test's own.

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/value_to.hpp>

#include "kinds/registry.hpp"
#include "system/check.hpp"
#include "system/process.hpp"

namespace nospof::test {

namespace json = boost::json;

inline char process_letter(const ProcessId& id) {
  const auto state = read_process(id.pid);
  return state && state->id == id ? state->state : '-';
}

/// Parameters: {"pid","start_time"} and optionally "mode":
///   "broken-prepare", "broken-inject" (stops, then throws), "broken-undo" (an operation nobody
///   knows), "never-confirmed", "throwing-confirm", "/FILE" (claims to have changed that control
///   file from 1 to 2), "needs-helper" (unable to bite once
///   the process was continued by somebody else).
class StopFault final : public kinds::Fault {
 public:
  StopFault(ProcessId id, std::string mode) : id_(id), mode_(std::move(mode)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv&) const override {
    if (mode_ == "broken-prepare") throw Error("cannot work here");
    return std::make_unique<StopInjection>(id_, mode_);
  }

 private:
  class StopInjection final : public kinds::Injection {
   public:
    StopInjection(ProcessId id, std::string mode) : id_(id), mode_(std::move(mode)) {}

    std::vector<kinds::UndoRecord> undo() const override {
      json::object process;
      process["pid"] = id_.pid;
      process["start_time"] = id_.start_time;
      json::object record;
      record["op"] = "continue-processes";
      record["processes"] = json::array({json::value(process)});
      std::vector<kinds::UndoRecord> records{record};
      if (mode_ == "broken-undo") records.push_back({{"op", "no-such-operation"}});
      if (mode_.starts_with("/"))
        records.push_back(
            {{"op", "restore-control"}, {"file", mode_}, {"old", "1"}, {"ours", "2"}});
      return records;
    }
    void inject() override {
      send_signal(id_, SIGSTOP);
      if (mode_ == "broken-inject") throw Error("stopped half way");
    }
    kinds::Confirmation confirm() override {
      if (mode_ == "throwing-confirm") throw Error("cannot look");
      if (mode_ == "never-confirmed") return {kinds::Confirmation::Outcome::not_yet, "not seen"};
      const kinds::Confirmation seen = see('T');
      const bool bites = seen.outcome == kinds::Confirmation::Outcome::confirmed;
      bitten_ = bitten_ || bites;
      if (mode_ == "needs-helper" && bitten_ && !bites)
        return {kinds::Confirmation::Outcome::unable, "the helper has ended"};
      return seen;
    }
    kinds::Confirmation confirm_healed() override { return see('S'); }

   private:
    kinds::Confirmation see(char wanted) const {
      const char letter = process_letter(id_);
      const auto outcome = letter == wanted ? kinds::Confirmation::Outcome::confirmed
                                            : kinds::Confirmation::Outcome::not_yet;
      return {outcome, std::string("state ") + letter};
    }
    ProcessId id_;
    std::string mode_;
    bool bitten_ = false;
  };

  ProcessId id_;
  std::string mode_;
};

class StopKind final : public kinds::FaultKind {
 public:
  StopKind() { info_.name = "test-stop"; }
  const spec::KindInfo& info() const override { return info_; }
  kinds::Plan plan(const std::vector<std::string>&, const std::string&, const spec::Parameters&,
                   const kinds::StackView&) const override {
    throw Error("test-stop is not planned");
  }
  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    ProcessId id;
    id.pid = parameters.at("pid").to_number<pid_t>();
    id.start_time = parameters.at("start_time").to_number<std::uint64_t>();
    const json::value* mode = parameters.if_contains("mode");
    return std::make_unique<StopFault>(id,
                                       mode != nullptr ? json::value_to<std::string>(*mode) : "");
  }

 private:
  spec::KindInfo info_;
};

/// A process that sleeps until it is killed, which happens when this object goes.
class Sleeper {
 public:
  Sleeper() {
    SpawnOptions options;
    options.argv = {"sleep", "600"};
    options.parent_death_signal = SIGKILL;
    child_ = spawn(options);
    if (const auto state = read_process(child_.pid())) id_ = state->id;
  }
  const ProcessId& id() const { return id_; }
  char letter() const { return process_letter(id_); }
  json::object parameters(const std::string& mode = "") const {
    json::object fields;
    fields["pid"] = id_.pid;
    fields["start_time"] = id_.start_time;
    if (!mode.empty()) fields["mode"] = mode;
    return fields;
  }

 private:
  Child child_;
  ProcessId id_;
};

}  // namespace nospof::test
