#include "faults/exec.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include "faults/background_command.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"
#include "system/process.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "exec";
constexpr auto longest = 10'000ms;
constexpr std::size_t most_words = 256;

struct Settings {
  std::vector<std::string> inject, heal, confirm, confirm_healed;
  std::chrono::milliseconds timeout{5'000};
};

CommandResult run(const std::vector<std::string>& argv, std::chrono::milliseconds at_most) {
  SpawnOptions options;
  options.argv = argv;
  options.directory = "/";
  options.parent_death_signal = SIGKILL;
  return run_command(options, at_most);
}

class ExecInjection final : public kinds::Injection {
 public:
  /// `before`: how the command that confirms ended without the fault.
  ExecInjection(Settings settings, int before) : settings_(std::move(settings)), before_(before) {}

  std::vector<kinds::UndoRecord> undo() const override {
    kinds::UndoRecord record{{"op", "run-command"}, {"timeout_ms", settings_.timeout.count()}};
    record["argv"] = json::array(settings_.heal.begin(), settings_.heal.end());
    return {std::move(record)};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    const CommandResult result = run(settings_.inject, settings_.timeout);
    if (result.timed_out || result.exit_code != 0)
      throw Error(fmt::format("{}: {} {}", kind_name, settings_.inject.front(), describe(result)));
  }

  kinds::Confirmation confirm() override {
    if (!ask(settings_.confirm)) return {not_yet, seen_};
    return {succeeded_ ? confirmed : not_yet, seen_};
  }

  void release() override { running_.reset(); }

  kinds::Confirmation confirm_healed() override {
    const bool own = !settings_.confirm_healed.empty();
    if (!ask(own ? settings_.confirm_healed : settings_.confirm)) return {not_yet, seen_};
    // Without a command of its own: the other one says what it said before the fault.
    const bool healed = own ? succeeded_ : exit_code_ == before_;
    return {healed ? confirmed : not_yet,
            own ? seen_ : fmt::format("{} (before the fault: {})", seen_, before_)};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  // True when the command has just ended.
  bool ask(const std::vector<std::string>& argv) {
    if (!running_) running_.emplace(argv, settings_.timeout);
    const auto result = running_->advance();
    if (!result) return false;
    running_.reset();
    exit_code_ = result->timed_out ? -1 : result->exit_code;
    succeeded_ = exit_code_ == 0;
    seen_ = fmt::format("{} {}", argv.front(), describe(*result));
    return true;
  }

  Settings settings_;
  int before_;
  bool injected_ = false;
  std::optional<BackgroundCommand> running_;
  bool succeeded_ = false;
  int exit_code_ = -1;
  std::string seen_ = "not asked yet";
};

class Exec final : public kinds::Fault {
 public:
  explicit Exec(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    for (const auto* argv :
         {&settings_.inject, &settings_.heal, &settings_.confirm, &settings_.confirm_healed})
      if (!argv->empty()) find_program(argv->front());
    const CommandResult before = run(settings_.confirm, settings_.timeout);
    if (before.timed_out)
      throw Error(fmt::format("{}: {} on host '{}' {}; it must answer without the fault too",
                              kind_name, settings_.confirm.front(), env.host, describe(before)));
    if (before.exit_code == 0)
      throw Error(fmt::format(
          "{}: {} on host '{}' says that the fault is in force already, so it would not be ours "
          "to take back",
          kind_name, settings_.confirm.front(), env.host));
    if (!settings_.confirm_healed.empty()) {
      const CommandResult whole = run(settings_.confirm_healed, settings_.timeout);
      if (whole.timed_out || whole.exit_code != 0)
        throw Error(fmt::format("{}: {} on host '{}' {} before the fault; it must end with 0",
                                kind_name, settings_.confirm_healed.front(), env.host,
                                describe(whole)));
    }
    return std::make_unique<ExecInjection>(settings_, before.exit_code);
  }

 private:
  Settings settings_;
};

class ExecKind final : public kinds::FaultKind {
 public:
  ExecKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "Commands of your own inject a fault, confirm it and heal it.";
    info_.target = spec::TargetType::host;
    info_.needs = {"root"};
    info_.parameters = {
        {"inject", ParameterType::text_list, true, "", {}, "Program and arguments: the fault."},
        {"heal",
         ParameterType::text_list,
         true,
         "",
         {},
         "Takes it back; may be run twice, and without the fault, and must then do nothing."},
        {"confirm",
         ParameterType::text_list,
         true,
         "",
         {},
         "Ends with 0 when the fault bites, and with something else when it does not."},
        {"confirm-healed",
         ParameterType::text_list,
         false,
         "",
         {},
         "Ends with 0 when all is as before; without it, `confirm` must end as before the fault."},
        {"timeout",
         ParameterType::duration,
         false,
         "5s",
         {},
         "Each command is killed after that, at most 10s."}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(given.duration("timeout"));
    if (timeout < 1ms || timeout > longest)
      throw Error("exec: parameter 'timeout' must be above 0 and at most 10s");
    json::object common{{"timeout_ms", timeout.count()}};
    for (const char* name : {"inject", "heal", "confirm", "confirm-healed"}) {
      const auto words = given.texts(name);
      if (words.empty() && std::string(name) != "confirm-healed")
        throw Error(fmt::format("exec: parameter '{}' is missing: program and arguments", name));
      common[name] = json::array(words.begin(), words.end());
    }
    kinds::Plan plan;
    plan.confirm_within = timeout + 2'000ms;
    plan.healed_within = timeout + 10'000ms;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = common;
      placement.effect =
          fmt::format("runs {} on {}", fmt::join(given.texts("inject"), " "), host->name);
      placement.undo = fmt::format("runs {}", fmt::join(given.texts("heal"), " "));
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    const auto words = [&reader](const char* name, bool required) {
      auto argv = reader.texts_or_none(name);
      if (required && argv.empty()) reader.refuse(name, "is missing: program and arguments");
      if (argv.size() > most_words) reader.refuse(name, "has too many words");
      if (!argv.empty() && argv.front().empty()) reader.refuse(name, "names no program");
      for (const std::string& word : argv)
        if (word.find('\0') != std::string::npos) reader.refuse(name, "has a NUL in a word");
      return argv;
    };
    settings.inject = words("inject", true);
    settings.heal = words("heal", true);
    settings.confirm = words("confirm", true);
    settings.confirm_healed = words("confirm-healed", false);
    settings.timeout =
        std::chrono::milliseconds(reader.integer_or("timeout_ms", 5'000, 1, longest.count()));
    reader.done();
    return std::make_unique<Exec>(std::move(settings));
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_exec() {
  return std::make_unique<ExecKind>();
}

}  // namespace nospof::faults
