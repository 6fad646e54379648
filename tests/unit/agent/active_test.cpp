#include "agent/active.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = kinds::Confirmation::Outcome;

/// Everything that happens, in order, and what is to go wrong.
struct Script {
  std::vector<std::string> log;
  bool refuse_prepare = false;
  bool refuse_second_record = false;
  bool refuse_inject = false;
  std::function<void()> while_injecting;
  bool refuse_release = false;
  bool refuse_start = false;
};

class Services final : public kinds::ServiceManager {
 public:
  explicit Services(Script& script) : script_(script) {}
  std::vector<std::string> list() const override { return {}; }
  kinds::ServiceState state(const std::string& service) const override {
    kinds::ServiceState result;
    result.name = service;
    return result;
  }
  void hold_down(const std::string&) override {}
  void stop(const std::string&) override {}
  void start(const std::string& service) override {
    if (script_.refuse_start) throw Error("cannot start");
    script_.log.push_back("undo " + service);
  }

 private:
  Script& script_;
};

class Scripted final : public kinds::Injection {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  std::vector<kinds::UndoRecord> undo() const override {
    return {kinds::UndoRecord{{"op", "start-service"}, {"service", "one"}},
            kinds::UndoRecord{{"op", "start-service"}, {"service", "two"}}};
  }
  void inject() override {
    script_.log.emplace_back("inject");
    if (script_.while_injecting) script_.while_injecting();
    if (script_.refuse_inject) throw Error("half way");
  }
  kinds::Confirmation confirm() override { return {Outcome::confirmed, "seen"}; }
  void release() override {
    if (script_.refuse_release) throw Error("stuck");
    script_.log.emplace_back("release");
  }
  kinds::Confirmation confirm_healed() override { throw Error("cannot look"); }

 private:
  Script& script_;
};

class ScriptedFault final : public kinds::Fault {
 public:
  explicit ScriptedFault(Script& script) : script_(script) {}
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv&) const override {
    if (script_.refuse_prepare) throw Error("cannot work here");
    script_.log.emplace_back("prepare");
    return std::make_unique<Scripted>(script_);
  }

 private:
  Script& script_;
};

class Keeper final : public RecordKeeper {
 public:
  explicit Keeper(Script& script) : script_(script) {}
  OpenRecord keep(const std::string& injection, const kinds::UndoRecord& record) override {
    if (script_.refuse_second_record && last_ == 1) throw Error("the disk is full");
    script_.log.push_back("keep " + std::to_string(++last_));
    return {last_, injection, record};
  }
  void settle(std::int64_t number, const UndoResult& result) noexcept override {
    script_.log.push_back((result.done ? "done " : "failed ") + std::to_string(number));
  }

 private:
  Script& script_;
  std::int64_t last_ = 0;
};

class Active : public ::testing::Test {
 protected:
  Active() {
    env_.services = &services_;
    env_.clock = &clock_;
  }
  std::unique_ptr<ActiveInjection> make() {
    return std::make_unique<ActiveInjection>(
        "a", "scripted", std::make_unique<ScriptedFault>(script_), env_, keeper_, steps_);
  }
  std::vector<std::string> step_names() {
    std::vector<std::string> names;
    for (const json::value& step : steps_.take()) {
      const json::object& fields = step.as_object();
      names.push_back(std::string(fields.at("step").as_string()) +
                      (fields.at("ok").as_bool() ? "" : "!"));
      EXPECT_TRUE(fields.at("mono_ns").is_int64());
      EXPECT_TRUE(fields.at("wall_ns").is_int64());
    }
    return names;
  }

  Script script_;
  Services services_{script_};
  Keeper keeper_{script_};
  ManualClock clock_;
  kinds::HostEnv env_;
  Steps steps_{clock_};
};

TEST_F(Active, WritesEveryRecordBeforeItInjectsAndUndoesInReverse) {
  const auto life = make();
  EXPECT_TRUE(life->failure().empty());
  EXPECT_EQ(life->state(), ActiveInjection::State::in_force);
  EXPECT_TRUE(life->take_back(steps_));
  EXPECT_EQ(life->state(), ActiveInjection::State::healed);
  EXPECT_THAT(script_.log, ElementsAre("prepare", "keep 1", "keep 2", "inject", "release",
                                       "undo two", "done 2", "undo one", "done 1"));
  EXPECT_THAT(step_names(), ElementsAre("check", "undo-written", "inject", "heal"));
}

TEST_F(Active, AnInjectionCountsFromTheMomentItBegins) {
  clock_.advance(std::chrono::seconds(5));
  // A request that fails half way through it must not be taken for one before the fault.
  script_.while_injecting = [this] { clock_.advance(std::chrono::seconds(2)); };
  const auto life = make();
  const json::array steps = steps_.take();
  const json::object& inject = steps.at(2).as_object();
  ASSERT_EQ(inject.at("step").as_string(), "inject");
  EXPECT_EQ(inject.at("mono_ns").as_int64(), 5'000'000'000);
  EXPECT_EQ(inject.at("wall_ns").as_int64(), 5'000'000'000);
}

TEST_F(Active, TakesBackOnlyOnce) {
  const auto life = make();
  EXPECT_TRUE(life->take_back(steps_));
  const auto before = script_.log;
  EXPECT_TRUE(life->take_back(steps_));
  EXPECT_EQ(script_.log, before);
}

TEST_F(Active, ARefusedCheckChangesNothing) {
  script_.refuse_prepare = true;
  EXPECT_THROW(make(), Error);
  EXPECT_TRUE(script_.log.empty());
}

TEST_F(Active, AFailedInjectIsUndoneAtOnce) {
  script_.refuse_inject = true;
  const auto life = make();
  EXPECT_EQ(life->failure(), "half way");
  EXPECT_EQ(life->state(), ActiveInjection::State::healed);
  EXPECT_THAT(script_.log, ElementsAre("prepare", "keep 1", "keep 2", "inject", "release",
                                       "undo two", "done 2", "undo one", "done 1"));
  EXPECT_THAT(step_names(), ElementsAre("check", "undo-written", "inject!", "heal"));
}

TEST_F(Active, NothingIsInjectedWhenARecordCannotBeKept) {
  script_.refuse_second_record = true;
  const auto life = make();
  EXPECT_EQ(life->failure(), "the disk is full");
  EXPECT_EQ(life->state(), ActiveInjection::State::healed);
  EXPECT_THAT(script_.log, ElementsAre("prepare", "keep 1", "release", "undo one", "done 1"));
}

TEST_F(Active, AFailedUndoIsTriedAgain) {
  const auto life = make();
  script_.refuse_start = true;
  EXPECT_FALSE(life->take_back(steps_));
  EXPECT_EQ(life->state(), ActiveInjection::State::undo_failed);
  script_.refuse_start = false;
  script_.log.clear();
  EXPECT_TRUE(life->take_back(steps_));
  EXPECT_EQ(life->state(), ActiveInjection::State::healed);
  EXPECT_THAT(script_.log, ElementsAre("undo two", "done 2", "undo one", "done 1"));
}

TEST_F(Active, AFailedReleaseDoesNotKeepTheRestFromBeingUndone) {
  const auto life = make();
  script_.refuse_release = true;
  script_.log.clear();
  EXPECT_FALSE(life->take_back(steps_));
  EXPECT_THAT(script_.log, ElementsAre("undo two", "done 2", "undo one", "done 1"));
  script_.refuse_release = false;
  EXPECT_TRUE(life->take_back(steps_));
}

TEST_F(Active, AnExceptionWhileConfirmingMeansUnable) {
  const auto life = make();
  EXPECT_EQ(life->confirm().outcome, Outcome::confirmed);
  const kinds::Confirmation healed = life->confirm_healed();
  EXPECT_EQ(healed.outcome, Outcome::unable);
  EXPECT_THAT(healed.evidence, HasSubstr("cannot look"));
  json::object answer;
  add_confirmation(answer, healed);
  EXPECT_FALSE(answer.at("confirmed").as_bool());
  EXPECT_EQ(answer.at("outcome").as_string(), "unable");
}

}  // namespace
}  // namespace nospof::agent
