#include "faults/dns.hpp"

#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/dns_message.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using std::chrono::milliseconds;

constexpr const char* kind_name = "dns";
constexpr std::int64_t most_delay_ms = 3600 * 1000;

struct NamedMode {
  DnsMode mode;
  const char* name;
};
constexpr std::array modes{NamedMode{DnsMode::nxdomain, "nxdomain"},
                           NamedMode{DnsMode::timeout, "timeout"},
                           NamedMode{DnsMode::slow, "slow"}};

class Dns final : public kinds::Fault {
 public:
  Dns(DnsSettings settings, bool hosts_file)
      : settings_(std::move(settings)), hosts_file_(hosts_file) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    return hosts_file_ ? prepare_dns_hosts(settings_, env) : prepare_dns_resolver(settings_, env);
  }

 private:
  DnsSettings settings_;
  bool hosts_file_;
};

std::string effect_text(DnsMode mode, bool hosts_file, std::int64_t delay,
                        const std::vector<std::string>& names, const std::string& host) {
  const std::string which =
      names.empty() ? std::string("every name") : fmt::format("{}", fmt::join(names, ", "));
  if (hosts_file) return fmt::format("takes {} out of /etc/hosts of {}", which, host);
  switch (mode) {
    case DnsMode::nxdomain:
      return fmt::format("queries of {} for {} are answered: no such name", host, which);
    case DnsMode::timeout:
      return fmt::format("queries of {} for {} get no answer", host, which);
    case DnsMode::slow:
      return fmt::format("queries of {} for {} are held back for {} ms", host, which, delay);
  }
  return {};
}

class DnsKind final : public kinds::FaultKind {
 public:
  DnsKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "Names don't resolve on a host, or only slowly.";
    info_.target = spec::TargetType::host;
    info_.parameters = {
        {"mode",
         ParameterType::text,
         false,
         "nxdomain",
         {"nxdomain", "timeout", "slow"},
         "There is no such name, no answer comes, or it comes late.",
         false},
        {"delay", ParameterType::duration, false, "2s", {}, "How late, for slow.", false},
        {"names",
         ParameterType::text_list,
         false,
         "",
         {},
         "Names such as db1.example.org or *.example.org; left out: all.",
         false},
        {"source",
         ParameterType::text,
         false,
         "resolver",
         {"resolver", "hosts"},
         "Who tells the names: name servers, or the host's /etc/hosts.",
         false},
        {"servers",
         ParameterType::text_list,
         false,
         "",
         {},
         "IPv4 addresses of name servers; left out: those in the host's /etc/resolv.conf.",
         false}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const DnsMode mode = dns_mode_of(given.text("mode"));
    const bool hosts_file = given.text("source") == "hosts";
    const std::vector<std::string> servers = given.texts("servers");
    const auto delay = std::chrono::ceil<milliseconds>(given.duration("delay")).count();
    std::vector<std::string> names;
    for (const std::string& name : given.texts("names"))
      names.push_back(checked_name_pattern(name));
    if (hosts_file && (mode != DnsMode::nxdomain || !servers.empty()))
      throw Error(
          "dns: a file answers at once and asks nobody: 'source: hosts' goes with 'mode: "
          "nxdomain' only, and without 'servers'");
    if (delay < 1 || delay > most_delay_ms)
      throw Error("dns: parameter 'delay' must be from 1ms to 1h");
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"mode", name_of(mode)},
                              {"delay_ms", delay},
                              {"names", json::array(names.begin(), names.end())},
                              {"source", hosts_file ? "hosts" : "resolver"},
                              {"servers", json::array(servers.begin(), servers.end())}};
      placement.effect = effect_text(mode, hosts_file, delay, names, host->name);
      placement.undo = hosts_file
                           ? "writes the content back that /etc/hosts had, into the same file"
                           : "the kernel removes the nftables table when the agent lets go of it, "
                             "and the responder ends";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    DnsSettings settings;
    settings.mode = dns_mode_of(reader.text_or("mode", "nxdomain"));
    settings.delay = milliseconds(reader.integer_or("delay_ms", 2000, 1, most_delay_ms));
    for (const std::string& name : reader.texts_or_none("names"))
      settings.names.push_back(checked_name_pattern(name));
    settings.servers = reader.texts_or_none("servers");
    const std::string source = reader.text_or("source", "resolver");
    reader.done();
    if (source != "resolver" && source != "hosts")
      reader.refuse("source", "must be 'resolver' or 'hosts'");
    if (source == "hosts" && settings.mode != DnsMode::nxdomain)
      reader.refuse("mode", "must be 'nxdomain' for 'source: hosts'");
    return std::make_unique<Dns>(std::move(settings), source == "hosts");
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

DnsMode dns_mode_of(const std::string& name) {
  for (const NamedMode& each : modes)
    if (name == each.name) return each.mode;
  throw Error(
      fmt::format("dns: parameter 'mode' is '{}', but must be nxdomain, timeout or slow", name));
}

const char* name_of(DnsMode mode) {
  for (const NamedMode& each : modes)
    if (mode == each.mode) return each.name;
  return "?";
}

std::unique_ptr<kinds::FaultKind> make_dns() {
  return std::make_unique<DnsKind>();
}

}  // namespace nospof::faults
