#include "faults/connection_reset.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/owned_table.hpp"
#include "faults/parameters.hpp"
#include "faults/stack_peers.hpp"
#include "system/check.hpp"
#include "system/helper_process.hpp"

namespace nospof::faults {

namespace {

using enum kinds::Confirmation::Outcome;
using std::chrono::milliseconds;

constexpr const char* kind_name = "connection-reset";
constexpr std::int64_t most_interval_ms = 3600 * 1000;
// What the helper counts.
constexpr std::size_t resets = 0;
constexpr std::size_t rounds = 1;

struct Settings {
  ConnectionChoice choice;
  milliseconds interval{0};  ///< zero: once
  bool by_rules = false;     ///< false: by SOCK_DESTROY
};

std::size_t reset_all(const ConnectionChoice& choice, std::vector<TcpSocket>& gone) {
  std::size_t count = 0;
  for (TcpSocket& socket : chosen_connections(tcp_sockets(), choice))
    if (destroy_socket(socket)) {
      ++count;
      gone.push_back(std::move(socket));
    }
  return count;
}

// Ends the connections there are, once, then every interval in a helper process.
class DestroyInjection final : public kinds::Injection {
 public:
  explicit DestroyInjection(Settings settings)
      : settings_(std::move(settings)), name_(new_helper_name()) {}

  std::vector<kinds::UndoRecord> undo() const override {
    if (settings_.interval == milliseconds(0)) return {};
    return {{{"op", "helper-gone"}, {"helper", name_}}};
  }

  void inject() override {
    if (injected_) throw Error("connection-reset: is in force already, or was");
    injected_ = true;
    counters_[resets] = reset_all(settings_.choice, reset_);
    if (settings_.interval == milliseconds(0)) return;
    helper_ = start_helper({.name = name_, .descriptors = {}}, [this] { go_on(); });
  }

  kinds::Confirmation confirm() override {
    const std::uint64_t count = counters_[resets];
    if (settings_.interval > milliseconds(0) && !helper_.running())
      return {unable, "the helper process that resets connections has ended"};
    std::size_t left = 0;
    for (const TcpSocket& now : tcp_sockets())
      left += std::any_of(reset_.begin(), reset_.end(),
                          [&now](const TcpSocket& socket) { return socket.cookie == now.cookie; });
    const std::string evidence =
        fmt::format("{} established connections reset by SOCK_DESTROY, {} of the first {} left{}",
                    count, left, reset_.size(),
                    settings_.interval > milliseconds(0)
                        ? fmt::format(", {} further rounds every {} ms", counters_[rounds].load(),
                                      settings_.interval.count())
                        : std::string());
    return {count > 0 && left == 0 ? confirmed : not_yet, evidence};
  }

  void release() override { helper_ = Child(); }

  kinds::Confirmation confirm_healed() override {
    if (helper_.running()) return {not_yet, "the helper process still resets connections"};
    return {confirmed, fmt::format("nothing is in force; {} connections were reset",
                                   counters_[resets].load())};
  }

 private:
  void go_on() {
    for (auto next = std::chrono::steady_clock::now();;) {
      std::this_thread::sleep_until(next += settings_.interval);
      std::vector<TcpSocket> gone;
      counters_[resets] += reset_all(settings_.choice, gone);
      ++counters_[rounds];
    }
  }

  Settings settings_;
  std::string name_;
  SharedCounters counters_;
  bool injected_ = false;
  std::vector<TcpSocket> reset_;
  Child helper_;
};

// Rules answer each packet of an established connection with a RST, for as long as they stand.
class RulesInjection final : public kinds::Injection {
 public:
  RulesInjection(Settings settings, OwnedTable table)
      : settings_(std::move(settings)), table_(std::move(table)) {}

  std::vector<kinds::UndoRecord> undo() const override { return table_.undo(); }
  void inject() override { table_.add(reset_rules(settings_.choice, table_.name())); }

  kinds::Confirmation confirm() override {
    NftContext look;
    if (const auto amiss = table_.amiss(look)) return *amiss;
    const std::string why = table_.not_first(look, {"input", "output"});
    if (!why.empty()) return {unable, why};
    std::uint64_t packets = 0;
    for (const NftCounter& counter : look.counters(table_.in("ip"))) packets += counter.packets;
    return {packets > 0 ? confirmed : not_yet,
            fmt::format("table {} with flag owner answered {} packets of established connections "
                        "with a RST",
                        table_.name(), packets)};
  }

  void release() override { table_.release(); }
  kinds::Confirmation confirm_healed() override { return table_.confirm_healed(); }

 private:
  Settings settings_;
  OwnedTable table_;
};

class ConnectionReset final : public kinds::Fault {
 public:
  explicit ConnectionReset(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    if (settings_.by_rules) {
      OwnedTable table(kind_name, {"ip"});
      require_rules(kind_name, env.host, reset_rules(settings_.choice, table.name()),
                    "are nftables with 'reject with tcp reset' (CONFIG_NFT_REJECT_IPV4) and the "
                    "table flag owner (Linux 5.12)");
      return std::make_unique<RulesInjection>(settings_, std::move(table));
    }
    if (!can_destroy_sockets())
      throw Error(
          fmt::format("connection-reset: the kernel of host '{}' can't end connections "
                      "(CONFIG_INET_DIAG_DESTROY is missing); use 'method: rules'",
                      env.host));
    if (settings_.interval == milliseconds(0) &&
        chosen_connections(tcp_sockets(), settings_.choice).empty())
      throw Error(
          fmt::format("connection-reset: host '{}' has no established connection of that "
                      "kind: there is nothing to break; give an 'interval' to wait for one",
                      env.host));
    return std::make_unique<DestroyInjection>(settings_);
  }

 private:
  Settings settings_;
};

int port_of(const std::string& text) {
  int port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535)
    throw Error(
        fmt::format("connection-reset: parameter 'ports' has '{}', which is no port from 1 "
                    "to 65535",
                    text));
  return port;
}

class ConnectionResetKind final : public kinds::FaultKind {
 public:
  ConnectionResetKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "Established TCP connections of a host end with a RST.";
    info_.target = spec::TargetType::host;
    info_.parameters = {
        {"from",
         ParameterType::text_list,
         false,
         "",
         {},
         "Hosts at the other end; left out: all other hosts of the stack, and nobody else.",
         true},
        {"ports",
         ParameterType::text_list,
         false,
         "",
         {},
         "TCP ports of the service that was connected to; left out: all.",
         false},
        {"direction",
         ParameterType::text,
         false,
         "both",
         {"both", "in", "out"},
         "Connections that others opened (in), that the targets opened (out), or both.",
         false},
        {"interval",
         ParameterType::duration,
         false,
         "0s",
         {},
         "Again and again, so long apart; 0s: once.",
         false},
        {"method",
         ParameterType::text,
         false,
         "destroy",
         {"destroy", "rules"},
         "By SOCK_DESTROY, as ss -K; or rules answer each packet with a RST while it is in force.",
         false}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::string direction = given.text("direction");
    const std::string method = given.text("method");
    const std::vector<std::string> from = given.texts("from");
    const std::vector<std::string> ports = given.texts("ports");
    for (const std::string& text : ports) port_of(text);
    const auto interval = std::chrono::ceil<milliseconds>(given.duration("interval")).count();
    if (interval > most_interval_ms)
      throw Error("connection-reset: parameter 'interval' must be at most 1h");
    if (interval > 0 && method == "rules")
      throw Error(
          "connection-reset: with 'method: rules' every packet is answered; leave out "
          "'interval'");
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      const StackHosts peers = peers_of(info_, *host, from, stack);
      const auto addresses = addresses_of(peers, stack);
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"peers", json::array(addresses.begin(), addresses.end())},
                              {"ports", json::array(ports.begin(), ports.end())},
                              {"direction", direction},
                              {"interval_ms", interval},
                              {"method", method}};
      placement.effect = fmt::format(
          "RST to both ends of established TCP connections of {} {} {}{}{}", host->name,
          direction == "in"    ? "from"
          : direction == "out" ? "to"
                               : "with",
          from.empty() ? std::string("the other hosts") : fmt::format("{}", fmt::join(from, ", ")),
          ports.empty() ? std::string() : fmt::format(", ports {}", fmt::join(ports, ", ")),
          interval > 0 ? fmt::format(", every {} ms", interval) : std::string());
      placement.undo = method == "rules" ? "the kernel removes the nftables table when the agent "
                                           "lets go of it"
                       : interval > 0    ? "the process that does it ends"
                                         : "nothing is left in force";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    for (const std::string& peer : reader.texts_or_none("peers"))
      settings.choice.addresses.insert(peer);
    if (settings.choice.addresses.empty()) reader.refuse("peers", "must name at least one");
    for (const std::string& peer : settings.choice.addresses)
      if (peer.find_first_not_of("0123456789.") != std::string::npos)
        reader.refuse("peers", fmt::format("has '{}', which is no IPv4 address", peer));
    const std::string direction = reader.text_or("direction", "both");
    if (direction != "both" && direction != "in" && direction != "out")
      reader.refuse("direction", "must be 'both', 'in' or 'out'");
    settings.choice.in = direction != "out";
    settings.choice.out = direction != "in";
    settings.interval = milliseconds(reader.integer_or("interval_ms", 0, 0, most_interval_ms));
    const std::string method = reader.text_or("method", "destroy");
    if (method != "destroy" && method != "rules")
      reader.refuse("method", "must be 'destroy' or 'rules'");
    settings.by_rules = method == "rules";
    for (const std::string& port : reader.texts_or_none("ports"))
      settings.choice.ports.insert(port_of(port));
    reader.done();
    return std::make_unique<ConnectionReset>(std::move(settings));
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_connection_reset() {
  return std::make_unique<ConnectionResetKind>();
}

}  // namespace nospof::faults
