#include "faults/blackhole.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/parameters.hpp"
#include "faults/stack_peers.hpp"
#include "system/check.hpp"
#include "system/routes.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "blackhole";
// Evidence names that many of them.
constexpr std::size_t most_named = 8;

std::string prefixes_text(const std::vector<DeadRoute>& routes) {
  std::vector<std::string> names;
  for (const DeadRoute& route : routes) names.push_back(route.prefix);
  if (names.size() <= most_named) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + most_named, ", "),
                     names.size() - most_named);
}

std::string address_in(const DeadRoute& route) {
  return route.prefix.substr(0, route.prefix.find('/'));
}

std::string text_of_errno(int error_number) {
  return error_number == 0 ? "has a way" : SystemError("answers", error_number).what();
}

class BlackholeInjection final : public kinds::Injection {
 public:
  BlackholeInjection(std::vector<DeadRoute> routes, std::vector<std::string> routes_before)
      : routes_(std::move(routes)), routes_before_(std::move(routes_before)) {}

  std::vector<kinds::UndoRecord> undo() const override {
    std::vector<kinds::UndoRecord> records;
    for (const DeadRoute& route : routes_)
      records.push_back(
          {{"op", "delete-route"}, {"prefix", route.prefix}, {"type", name_of(route.type)}});
    return records;
  }

  void inject() override {
    if (injected_) throw Error("blackhole: is in force already, or was");
    injected_ = true;
    for (const DeadRoute& route : routes_) add_dead_route(route);
  }

  // The kernel is asked for the way that it would send a packet: rules and routes of the host's own
  // that come first show here.
  kinds::Confirmation confirm() override {
    const std::vector<DeadRoute> there = dead_routes();
    for (const DeadRoute& route : routes_) {
      if (std::find(there.begin(), there.end(), route) == there.end())
        return {not_yet,
                fmt::format("{} route to {} is not there", name_of(route.type), route.prefix)};
      const int answer = route_errno(address_in(route));
      if (answer != errno_of(route.type))
        return {unable, fmt::format("{} does not lead to the {} route: the kernel {}; a rule (ip "
                                    "rule) or a longer prefix of the host comes first",
                                    address_in(route), name_of(route.type), text_of_errno(answer))};
    }
    return {confirmed,
            fmt::format("the kernel's answer for {} of {} prefixes is {}: {}", routes_.size(),
                        routes_.size(), name_of(routes_.front().type), prefixes_text(routes_))};
  }

  kinds::Confirmation confirm_healed() override {
    const std::vector<DeadRoute> there = dead_routes();
    for (const DeadRoute& route : routes_)
      if (std::find(there.begin(), there.end(), route) != there.end())
        return {not_yet,
                fmt::format("{} route to {} is still there", name_of(route.type), route.prefix)};
    const std::vector<std::string> now = other_routes();
    return {confirmed, fmt::format("{} routes of nospof are gone; the {} others are {}",
                                   routes_.size(), now.size(),
                                   now == routes_before_ ? "as before"
                                                         : "not as before: somebody "
                                                           "changed them meanwhile")};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  std::vector<DeadRoute> routes_;
  std::vector<std::string> routes_before_;
  bool injected_ = false;
};

class Blackhole final : public kinds::Fault {
 public:
  explicit Blackhole(std::vector<DeadRoute> routes) : routes_(std::move(routes)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    for (const DeadRoute& there : dead_routes())
      for (const DeadRoute& route : routes_)
        if (there.prefix == route.prefix)
          throw Error(
              fmt::format("blackhole: host '{}' has a {} route of nospof to {} already; "
                          "heal that fault first, or run 'nospof recover'",
                          env.host, name_of(there.type), there.prefix));
    for (const DeadRoute& route : routes_)
      if (const int answer = route_errno(address_in(route)); answer != 0)
        throw Error(
            fmt::format("blackhole: host '{}' has no way to {} as it is (the kernel {}): "
                        "there is nothing to break",
                        env.host, address_in(route), text_of_errno(answer)));
    return std::make_unique<BlackholeInjection>(routes_, other_routes());
  }

 private:
  std::vector<DeadRoute> routes_;
};

class BlackholeKind final : public kinds::FaultKind {
 public:
  BlackholeKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "What a host sends to others meets a route that leads nowhere.";
    info_.target = spec::TargetType::host;
    info_.parameters = {
        {"to",
         ParameterType::text_list,
         false,
         "",
         {},
         "Hosts that can't be reached any more; left out, and without prefixes: everybody.",
         true},
        {"prefixes",
         ParameterType::text_list,
         false,
         "",
         {},
         "IPv4 prefixes such as 198.18.0.0/24, instead of hosts.",
         false},
        {"type",
         ParameterType::text,
         false,
         "blackhole",
         {"blackhole", "unreachable", "prohibit"},
         "Silence, or the error that programs get.",
         false}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::string type = given.text("type");
    std::vector<std::string> prefixes;
    for (const std::string& text : given.texts("prefixes"))
      prefixes.push_back(checked_prefix(text));
    const std::vector<std::string> to = given.texts("to");
    if (!prefixes.empty() && !to.empty())
      throw Error("blackhole: give hosts (to) or prefixes, not both");
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      StackHosts peers;
      std::vector<std::string> wanted = prefixes;
      if (prefixes.empty()) {
        peers = peers_of(info_, *host, to, stack);
        for (const std::string& address : addresses_of(peers, stack))
          wanted.push_back(checked_prefix(address));
      }
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"prefixes", json::array(wanted.begin(), wanted.end())},
                              {"type", type}};
      placement.effect =
          fmt::format("adds a {} route on {} to {}", type, host->name,
                      fmt::join(prefixes.empty() ? names_of(peers) : prefixes, ", "));
      placement.undo = fmt::format("deletes exactly these {} routes", wanted.size());
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
      for (kinds::Witness& witness : witnesses_between(*host, peers, stack))
        plan.witnesses.push_back(std::move(witness));
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    const std::string type = reader.text_or("type", "blackhole");
    std::vector<DeadRoute> routes;
    try {
      for (const std::string& prefix : reader.texts_or_none("prefixes"))
        routes.push_back({checked_prefix(prefix), dead_end_of(type)});
    } catch (const Error& error) {
      reader.refuse("prefixes", error.what());
    }
    if (routes.empty()) reader.refuse("prefixes", "must name at least one");
    for (std::size_t i = 0; i < routes.size(); ++i)
      if (std::count(routes.begin(), routes.end(), routes[i]) > 1)
        reader.refuse("prefixes", fmt::format("has {} twice", routes[i].prefix));
    reader.done();
    return std::make_unique<Blackhole>(std::move(routes));
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_blackhole() {
  return std::make_unique<BlackholeKind>();
}

}  // namespace nospof::faults
