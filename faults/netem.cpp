#include "faults/netem.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "faults/netem_kernel.hpp"
#include "faults/netem_parameters.hpp"
#include "faults/netem_scope_parameters.hpp"
#include "faults/netem_user.hpp"
#include "faults/parameters.hpp"
#include "faults/shaping.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

enum class Backend { automatic, kernel, userspace };

Backend backend_named(const std::string& text) {
  if (text == "auto") return Backend::automatic;
  if (text == "kernel") return Backend::kernel;
  if (text == "userspace") return Backend::userspace;
  throw Error(
      fmt::format("netem: parameter 'backend' is '{}', but must be one of: auto, kernel, "
                  "userspace",
                  text));
}

// From here on one of a few packets that a confirmation makes will show it.
constexpr double visible_loss = 0.1;

// With a delay, answers are waited for, and there are too few packets.
bool loses_visibly(const NetemSettings& settings) {
  const auto* random = std::get_if<RandomLoss>(&settings.loss);
  return random != nullptr && random->share >= visible_loss && settings.delay.count() == 0;
}

class Netem final : public kinds::Fault {
 public:
  Netem(NetemSettings settings, NetemScope scope, Backend backend)
      : settings_(settings), scope_(std::move(scope)), backend_(backend) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    const bool in_kernel =
        backend_ == Backend::kernel || (backend_ == Backend::automatic && kernel_has_netem());
    if (!in_kernel) return prepare_userspace_netem(settings_, scope_, env);
    return prepare_shaping("netem", netem_qdisc(settings_), scope_,
                           {settings_.delay, loses_visibly(settings_)}, env);
  }

 private:
  NetemSettings settings_;
  NetemScope scope_;
  Backend backend_;
};

// What a proof tries on every host.
std::vector<spec::ProveVariant> proof_variants() {
  using std::chrono::milliseconds;
  return {{"slow",
           {{"delay", spec::Duration(milliseconds(300))},
            {"jitter", spec::Duration(milliseconds(50))},
            {"direction", std::string("both")}}},
          {"lossy", {{"loss", spec::Percent{0.3}}}}};
}

class NetemKind final : public kinds::FaultKind {
 public:
  NetemKind() {
    info_.name = "netem";
    info_.summary =
        "Packets of a host are delayed, lost, duplicated, corrupted, reordered or slowed down.";
    info_.target = spec::TargetType::host;
    info_.prove_variants = proof_variants();
    info_.parameters = netem_parameters();
    for (spec::ParameterInfo& parameter : scope_parameters())
      info_.parameters.push_back(std::move(parameter));
    info_.parameters.push_back({"backend",
                                spec::ParameterType::text,
                                false,
                                "auto",
                                {"auto", "kernel", "userspace"},
                                "Who does it: sch_netem, a process of nospof's own, or sch_netem "
                                "where the kernel has it.",
                                false});
  }

  const spec::KindInfo& info() const override { return info_; }

  std::string missing_here() const override {
    return kernel_has_netem() ? std::string() : userspace_netem_missing();
  }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const NetemSettings settings = netem_settings(given);
    const std::string backend = given.text("backend");
    backend_named(backend);
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      const NetemScope scope = netem_scope(info_, given, *host, stack);
      scope_filters(info_.name, scope, true);
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"netem", netem_json(settings)}, {"backend", backend}};
      put_scope(placement.parameters, scope);
      placement.effect = fmt::format("{}: {}", scope_text(scope, host->name, given.texts("peers")),
                                     netem_text(settings));
      placement.undo =
          "its queueing discipline, filters and ifb device are removed, or its table and emulator";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    const auto settings = reader.object_or_none("netem");
    if (!settings) reader.refuse("netem", "is missing");
    NetemScope scope = take_scope(reader);
    const Backend backend = backend_named(reader.text_or("backend", "auto"));
    reader.done();
    return std::make_unique<Netem>(netem_settings(*settings), std::move(scope), backend);
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_netem() {
  return std::make_unique<NetemKind>();
}

}  // namespace nospof::faults
