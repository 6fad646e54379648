#include "faults/tls_terminate.hpp"

#include <array>

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "faults/service_files.hpp"
#include "faults/service_processes.hpp"
#include "system/check.hpp"
#include "system/tls_look.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "tls-terminate";
constexpr int looks_needed = 8;
constexpr std::size_t largest_pem = 64U << 10U;
constexpr auto confirm_within = 6'000ms;
constexpr auto healed_within = 12'000ms;

struct Settings {
  std::string service;
  std::string path;
  std::vector<Replacement> replacements;
  std::string certificate;  ///< path of the service's own
  kinds::Reload reload;
  TlsLookAt at;
};

class TerminateInjection final : public kinds::Injection {
 public:
  TerminateInjection(Settings settings, ServiceFiles files, std::string own_key)
      : settings_(std::move(settings)),
        files_(std::move(files)),
        own_key_(std::move(own_key)),
        looks_(settings_.at),
        healed_looks_(settings_.at) {}

  std::vector<kinds::UndoRecord> undo() const override { return {files_.undo(settings_.reload)}; }

  void inject() override { files_.put(settings_.reload); }

  void release() override {
    looks_.drop();
    healed_looks_.drop();
  }

  kinds::Confirmation confirm() override {
    if (const std::string other = files_.not_as_made(); !other.empty()) return {unable, other};
    if (const auto shown = looks_.advance()) {
      seen_ = describe(*shown);
      const int agreed = looks_.agreed(shown->certificate && shown->key == own_key_);
      if (agreed >= looks_needed)
        return {confirmed, fmt::format("{}:{} shows the key of {} itself: {}", settings_.at.address,
                                       settings_.at.port, settings_.service, seen_)};
    }
    return {not_yet, fmt::format("{}; {}", files_.reload_result().detail, seen_)};
  }

  kinds::Confirmation confirm_healed() override {
    if (const std::string other = files_.not_as_before(); !other.empty()) return {not_yet, other};
    if (const auto shown = healed_looks_.advance()) {
      seen_ = describe(*shown);
      const int agreed = healed_looks_.agreed(shown->certificate && shown->key != own_key_);
      if (agreed >= looks_needed)
        return {confirmed, fmt::format("file as before; {}:{} shows the key of another again: {}",
                                       settings_.at.address, settings_.at.port, seen_)};
    }
    return {not_yet, "file as before; shown is " + seen_};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  Settings settings_;
  ServiceFiles files_;
  std::string own_key_;
  TlsLooks looks_;
  TlsLooks healed_looks_;
  std::string seen_ = "nothing yet";
};

class Terminate final : public kinds::Fault {
 public:
  explicit Terminate(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    require_running(kind_name, settings_.service, env);
    ServiceFiles files(kind_name, settings_.service, env, clock_of(env));
    const std::string text = files.add(settings_.path);
    files.change(settings_.path,
                 replace_all(kind_name, settings_.path, text, settings_.replacements));
    const auto own = read_image(settings_.certificate, largest_pem);
    if (!own)
      throw Error(
          fmt::format("{}: no file {} on host '{}'", kind_name, settings_.certificate, env.host));
    const TlsShown mine = certificate_of_pem(own->content, settings_.certificate);
    const TlsShown before = look_at_tls(settings_.at);
    const std::string where = fmt::format("{}:{}", settings_.at.address, settings_.at.port);
    if (!before.certificate)
      throw Error(fmt::format("{}: nobody shows a certificate through {} on {}: {}", kind_name,
                              settings_.service, where, before.failure));
    if (before.key == mine.key)
      throw Error(
          fmt::format("{}: {} ends TLS on {} already", kind_name, settings_.service, where));
    return std::make_unique<TerminateInjection>(settings_, std::move(files), mine.key);
  }

 private:
  Settings settings_;
};

// "{bundle}" and the like, so that an experiment need not know the paths of a lab.
std::string with_paths(std::string text, const kinds::StackTls& tls) {
  const std::array<std::pair<std::string, std::string>, 4> paths{
      {{"{certificate}", tls.certificate},
       {"{key}", tls.key},
       {"{bundle}", tls.bundle},
       {"{authority}", tls.authority_file}}};
  for (const auto& [name, path] : paths)
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at))
      text.replace(at, name.size(), path), at += path.size();
  return text;
}

class TerminateKind final : public kinds::FaultKind {
 public:
  TerminateKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "Who passed TLS through starts to end it, with a certificate of its own.";
    info_.target = spec::TargetType::service;
    info_.needs = {"root"};
    info_.parameters = {
        {"file",
         ParameterType::text,
         true,
         "",
         {},
         "The service's file in the topology that is changed, or an absolute path."},
        {"search", ParameterType::text_list, true, "", {}, "Texts that stand in the file."},
        {"replace",
         ParameterType::text_list,
         true,
         "",
         {},
         "What comes in the place of each; {certificate}, {key}, {bundle} and {authority} are the "
         "paths of the service's own."},
        {"port",
         ParameterType::integer,
         false,
         "",
         {},
         "Port on which it passed TLS through; without it the first that it listens on."}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    replacements(kind_name, given.texts("search"), given.texts("replace"));
    kinds::Plan plan;
    plan.confirm_within = confirm_within;
    plan.healed_within = healed_within;
    for (const kinds::StackHost* host : resolve_service_targets(info_, targets, service, stack)) {
      const kinds::StackService* known = stack.service(host->name, service);
      if (known == nullptr || !known->tls)
        throw Error(
            fmt::format("{}: service '{}' of host '{}' has no certificate of its own "
                        "('tls' in the topology)",
                        kind_name, service, host->name));
      plan.placements.push_back(placement(given, *host, *known));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    settings.service = reader.text("service");
    settings.path = reader.text("path");
    settings.replacements =
        replacements(kind_name, reader.texts_or_none("search"), reader.texts_or_none("replace"));
    settings.certificate = reader.text("certificate_file");
    settings.reload = kinds::reload_from_json(reader.object("reload"));
    settings.at.address = reader.text("address");
    settings.at.port = static_cast<int>(reader.integer_or("port", 0, 1, 65535));
    reader.done();
    return std::make_unique<Terminate>(std::move(settings));
  }

 private:
  static kinds::Placement placement(const PlanReader& given, const kinds::StackHost& host,
                                    const kinds::StackService& service) {
    const auto port = given.given("port")     ? given.integer("port")
                      : service.ports.empty() ? 0
                                              : service.ports.front();
    if (port < 1 || port > 65535)
      throw Error(fmt::format("{}: no port to look at {} of host '{}'; give 'port'", kind_name,
                              service.name, host.name));
    if (service.reload.how == kinds::Reload::How::nothing)
      throw Error(
          fmt::format("{}: the topology does not say how service '{}' is reloaded "
                      "('reload' or 'reload_signal')",
                      kind_name, service.name));
    const auto search = given.texts("search");
    json::array replace;
    for (const std::string& text : given.texts("replace"))
      replace.emplace_back(with_paths(text, *service.tls));
    kinds::Placement placement;
    placement.host = host.name;
    placement.parameters = {{"service", service.name},
                            {"path", service_file(kind_name, service, given.text("file"))},
                            {"certificate_file", service.tls->certificate},
                            {"address", host.address},
                            {"port", port}};
    placement.parameters["search"] = json::array(search.begin(), search.end());
    placement.parameters["replace"] = std::move(replace);
    placement.parameters["reload"] = kinds::reload_json(service.reload);
    const std::string reload = kinds::describe_reload(service.reload, service.name);
    placement.effect = fmt::format("{} on {} ends TLS on port {} with its own key; {}",
                                   service.name, host.name, port, reload);
    placement.undo = fmt::format("{} as it was; {}", given.text("file"), reload);
    return placement;
  }

  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_tls_terminate() {
  return std::make_unique<TerminateKind>();
}

}  // namespace nospof::faults
