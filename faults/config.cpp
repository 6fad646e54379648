#include "faults/config.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <signal.h>

#include "faults/parameters.hpp"
#include "faults/service_files.hpp"
#include "faults/service_processes.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "config";
// What a daemon does with its new configuration shows soon after it was told.
constexpr auto watched_for = 700ms;
constexpr auto stable_for = 300ms;
constexpr auto confirm_within = 12'000ms;  // a restart may take 8 s
constexpr auto healed_within = 15'000ms;
constexpr auto longest_spread = 300'000ms;
constexpr const char* garbage = "}}} \x01\x7f this is no configuration {{{ = ; <nospof> \\ \"\n";

struct Settings {
  std::string service;
  std::string path;
  std::string mode = "garbage";
  std::vector<Replacement> replacements;
  kinds::Reload apply;
  std::chrono::milliseconds delay{0};
};

std::string broken(const Settings& settings, const std::string& text) {
  if (settings.mode == "garbage") return garbage;
  if (settings.mode == "truncate") return text.substr(0, text.size() / 2);
  if (settings.mode == "empty") return {};
  return replace_all(kind_name, settings.path, text, settings.replacements);
}

class ConfigInjection final : public kinds::Injection {
 public:
  ConfigInjection(Settings settings, ServiceFiles files, kinds::ServiceState before,
                  kinds::ServiceManager& services, const Clock& clock)
      : settings_(std::move(settings)),
        files_(std::move(files)),
        before_(std::move(before)),
        services_(services),
        clock_(clock) {}

  std::vector<kinds::UndoRecord> undo() const override { return {files_.undo(settings_.apply)}; }

  void inject() override {
    if (due_ != MonoTime{}) throw Error(fmt::format("{}: is in force already", kind_name));
    due_ = clock_.now() + settings_.delay;
    if (settings_.delay.count() == 0) files_.put(settings_.apply);
  }

  kinds::Confirmation confirm() override {
    if (!files_.is_put() && (released_ || clock_.now() < due_))
      return {not_yet, fmt::format("deployed {} ms after the first host", settings_.delay.count())};
    if (!files_.is_put()) files_.put(settings_.apply);
    if (!files_.advance()) return {not_yet, settings_.service + " is being restarted"};
    if (const std::string other = files_.not_as_made(); !other.empty()) return {unable, other};
    if (told_ == MonoTime{}) told_ = clock_.now();
    const std::string seen = fmt::format("{} is broken; {}; {}", settings_.path,
                                         files_.reload_result().detail, what_it_does());
    return {clock_.now() - told_ >= watched_for ? confirmed : not_yet, seen};
  }

  // A host of a later turn must not get it when everything is being taken back.
  void release() override { released_ = true; }

  kinds::Confirmation confirm_healed() override {
    if (const std::string other = files_.not_as_before(); !other.empty()) return {not_yet, other};
    const kinds::ServiceState state = services_.state(settings_.service);
    if (!state.running || !state.main_process) {
      stable_main_.reset();
      return {not_yet,
              fmt::format("{} as before, {} does not run", settings_.path, settings_.service)};
    }
    if (stable_main_ != state.main_process) {
      stable_main_ = state.main_process;
      stable_since_ = clock_.now();
    }
    const auto age =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - stable_since_);
    return {age >= stable_for && state.wanted_up ? confirmed : not_yet,
            fmt::format("{} as before; {} runs, main process {} for {} ms", settings_.path,
                        settings_.service, state.main_process->pid, age.count())};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  std::string what_it_does() const {
    const std::string& service = settings_.service;
    const kinds::ServiceState now = services_.state(service);
    if (!now.running || !now.main_process)
      return fmt::format("{} has ended{}", service,
                         now.wanted_up ? ", its supervisor tries again" : " and stays down");
    const auto same = static_cast<std::size_t>(std::ranges::count_if(
        before_.processes,
        [&](const ProcessId& process) { return contains(now.processes, process); }));
    if (now.main_process != before_.main_process)
      return fmt::format("{} runs with another main process, {}", service, now.main_process->pid);
    if (same == before_.processes.size() && now.processes.size() == same)
      return fmt::format("{} goes on with the same {} processes", service, same);
    return fmt::format("{} goes on with main process {}, {} of its {} processes are new", service,
                       now.main_process->pid, now.processes.size() - same, now.processes.size());
  }

  Settings settings_;
  ServiceFiles files_;
  kinds::ServiceState before_;
  kinds::ServiceManager& services_;
  const Clock& clock_;
  bool released_ = false;
  MonoTime due_{};
  MonoTime told_{};
  std::optional<ProcessId> stable_main_;
  MonoTime stable_since_{};
};

class Config final : public kinds::Fault {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    kinds::ServiceState before = require_running(kind_name, settings_.service, env);
    const Clock& clock = clock_of(env);
    ServiceFiles files(kind_name, settings_.service, env, clock);
    const std::string text = files.add(settings_.path);
    files.change(settings_.path, broken(settings_, text));
    return std::make_unique<ConfigInjection>(settings_, std::move(files), std::move(before),
                                             *env.services, clock);
  }

 private:
  Settings settings_;
};

class ConfigKind final : public kinds::FaultKind {
 public:
  ConfigKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "A bad configuration is deployed: to the first host, then to all others.";
    info_.target = spec::TargetType::service;
    info_.needs = {"root"};
    info_.parameters = {
        {"file",
         ParameterType::text,
         true,
         "",
         {},
         "One of the service's files in the topology, or an absolute path."},
        {"mode",
         ParameterType::text,
         false,
         "garbage",
         {"garbage", "truncate", "empty", "replace"},
         "Nonsense, the first half of it, nothing, or texts in it replaced."},
        {"search", ParameterType::text_list, false, "", {}, "For replace: texts in the file."},
        {"replace",
         ParameterType::text_list,
         false,
         "",
         {},
         "For replace: what comes in the place of each."},
        {"apply",
         ParameterType::text,
         false,
         "reload",
         {"reload", "restart"},
         "How the service takes it; it is healed in the same way."},
        {"spread",
         ParameterType::duration,
         false,
         "0s",
         {},
         "How long after the first host all others get it, at most 5m."}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const auto spread = std::chrono::ceil<std::chrono::milliseconds>(given.duration("spread"));
    if (spread.count() < 0 || spread > longest_spread)
      throw Error("config: parameter 'spread' must be from 0s to 5m");
    const std::string mode = given.text("mode");
    if (mode == "replace")
      replacements(kind_name, given.texts("search"), given.texts("replace"));
    else if (given.given("search") || given.given("replace"))
      throw Error("config: 'search' and 'replace' belong to mode replace");
    kinds::Plan plan;
    plan.confirm_within = confirm_within + spread;
    plan.healed_within = healed_within;
    for (const kinds::StackHost* host : resolve_service_targets(info_, targets, service, stack)) {
      const kinds::StackService* known = stack.service(host->name, service);
      if (known == nullptr)
        throw Error(fmt::format("config: nothing is known of the files of '{}' on host '{}'",
                                service, host->name));
      const auto delay = plan.placements.empty() ? 0ms : spread;
      plan.placements.push_back(placement(given, *known, delay));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    settings.service = reader.text("service");
    settings.path = reader.text("path");
    settings.mode = reader.text("mode");
    const auto& modes = info_.parameters[1].choices;
    if (std::ranges::find(modes, settings.mode) == modes.end())
      reader.refuse("mode", "must be garbage, truncate, empty or replace");
    if (settings.mode == "replace")
      settings.replacements =
          replacements(kind_name, reader.texts_or_none("search"), reader.texts_or_none("replace"));
    settings.apply = kinds::reload_from_json(reader.object("apply"));
    settings.delay =
        std::chrono::milliseconds(reader.integer_or("delay_ms", 0, 0, longest_spread.count()));
    reader.done();
    return std::make_unique<Config>(std::move(settings));
  }

 private:
  static kinds::Reload apply_of(const PlanReader& given, const kinds::StackService& service) {
    if (given.text("apply") == "reload") {
      if (service.reload.how != kinds::Reload::How::nothing) return service.reload;
      throw Error(
          fmt::format("config: the topology does not say how service '{}' is reloaded "
                      "('reload' or 'reload_signal'); use apply: restart",
                      service.name));
    }
    kinds::Reload restart;
    restart.how = kinds::Reload::How::restart;
    restart.signal_number = service.stop_signal != 0 ? service.stop_signal : SIGTERM;
    return restart;
  }

  static kinds::Placement placement(const PlanReader& given, const kinds::StackService& service,
                                    std::chrono::milliseconds delay) {
    const kinds::Reload apply = apply_of(given, service);
    kinds::Placement placement;
    placement.host = service.host;
    placement.parameters = {{"service", service.name},
                            {"path", service_file(kind_name, service, given.text("file"))},
                            {"mode", given.text("mode")},
                            {"delay_ms", delay.count()}};
    placement.parameters["apply"] = kinds::reload_json(apply);
    if (given.text("mode") == "replace") {
      const auto search = given.texts("search");
      const auto replace = given.texts("replace");
      placement.parameters["search"] = json::array(search.begin(), search.end());
      placement.parameters["replace"] = json::array(replace.begin(), replace.end());
    }
    const std::string how = kinds::describe_reload(apply, service.name);
    placement.effect =
        fmt::format("{}{} of {} on {} becomes bad ({}); {}",
                    delay.count() == 0 ? std::string()
                                       : fmt::format("{} ms after the first host: ", delay.count()),
                    given.text("file"), service.name, service.host, given.text("mode"), how);
    placement.undo = fmt::format("the file as it was; {}, started if it has ended", how);
    return placement;
  }

  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_config() {
  return std::make_unique<ConfigKind>();
}

}  // namespace nospof::faults
