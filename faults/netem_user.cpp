#include "faults/netem_user.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <optional>
#include <thread>

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "faults/cut.hpp"
#include "faults/netem_emulator_process.hpp"
#include "faults/netem_user_probe.hpp"
#include "system/check.hpp"
#include "system/nftables.hpp"
#include "system/ruleset.hpp"

namespace nospof::faults {

namespace {

/// Packets that have to have passed before the fault counts as in force.
constexpr std::uint64_t enough_packets = 3;
/// An effect on at least this share of packets has to have been seen.
constexpr double seen_share = 0.05;
constexpr std::uint32_t probes_at_once = 3;

std::uint32_t random_number() {
  std::uint32_t number = 0;
  check("getrandom", ::getrandom(&number, sizeof number, 0));
  return number;
}

std::string unused_table_name() {
  const auto tables = NftContext().tables();
  for (;;) {
    std::string name = fmt::format("{}{:08x}", own_table_prefix, random_number());
    if (std::none_of(tables.begin(), tables.end(),
                     [&name](const NftTable& table) { return table.name == name; }))
      return name;
  }
}

std::string own_rules_of_host() {
  return without_own_tables(NftContext().list_text("ruleset"));
}

void refuse_what_has_no_way(const NetemSettings& settings, const NetemScope& scope) {
  const auto refuse = [](const std::string& what) {
    throw Error(
        fmt::format("netem: {}: the userspace back-end can't do that (this kernel has no "
                    "sch_netem, which can)",
                    what));
  };
  if (settings.duplicate > 0 && scope.direction != NetemScope::Direction::egress)
    refuse("duplicates of incoming packets");
  if (settings.jitter.count() > std::numeric_limits<std::int32_t>::max())
    throw Error("netem: jitter is at most 2.147 s, as in the kernel's own");
  for (const std::string& peer : scope.peers) {
    in_addr parsed{};
    if (::inet_pton(AF_INET, peer.c_str(), &parsed) != 1)
      throw Error(fmt::format("netem: peer address '{}' is no IPv4 address", peer));
  }
  if (scope.protocol == NetemScope::Protocol::icmp && !scope.ports.empty())
    throw Error("netem: ICMP has no ports; leave them out, or take protocol tcp or udp");
}

// The very queue and rules, in a network namespace that exists for this only.
void try_apart(EmulatorOptions options) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      check("unshare a network namespace to try netem in", ::unshare(CLONE_NEWNET));
      const PacketQueue queue(copy_for(options.settings), whole_for(options.settings), 1);
      NetfilterSocket owner;
      options.rules.queue = queue.number();
      add_netem_table(owner, options.rules);
      empty_netem_table(owner, options.rules);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

void require_kernel(const EmulatorOptions& options, const std::string& host) {
  try {
    try_apart(options);
  } catch (const std::exception& error) {
    utsname system{};
    ::uname(&system);
    throw Error(
        fmt::format("netem: the kernel of host '{}' (Linux {}) has neither sch_netem nor what its "
                    "replacement needs: {}. Needed are nftables with the table flag owner (Linux "
                    "5.12), CONFIG_NFT_COMPAT, CONFIG_NETFILTER_XT_TARGET_NFQUEUE and "
                    "CONFIG_NETFILTER_NETLINK_QUEUE, as root",
                    host, system.release, error.what()));
  }
}

double milliseconds(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e6;
}

// The chance that a packet is lost for good in the long run; 0 for models that come in bursts.
double lost_share(const Loss& loss) {
  const auto* random = std::get_if<RandomLoss>(&loss);
  return random != nullptr ? random->share : 0;
}

class UserspaceNetem final : public kinds::Injection {
 public:
  UserspaceNetem(EmulatorOptions options, std::string rules_before)
      : options_(std::move(options)), rules_before_(std::move(rules_before)) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "packet-emulator"},
             {"table", options_.rules.table},
             {"process", EmulatorProcess::process_name(options_.rules.table)}}};
  }

  void inject() override {
    if (injected_) throw Error("netem: is in force already, or was");
    injected_ = true;
    emulator_ = std::make_unique<EmulatorProcess>(options_);
  }

  kinds::Confirmation confirm() override {
    if (!emulator_) return {not_yet, "not in force"};
    if (!emulator_->running()) return {unable, "the emulator has ended: " + trouble()};
    for (std::uint32_t i = 0; i < probes_at_once; ++i)
      send_netem_probe(options_.rules.scope, probes_++);
    return judge(emulator_->counters());
  }

  void release() override {
    if (emulator_) ended_early_ = !emulator_->running();
    emulator_.reset();
  }

  kinds::Confirmation confirm_healed() override {
    const std::string& table = options_.rules.table;
    for (const NftTable& each : NftContext().tables())
      if (each.name == table)
        return {not_yet, fmt::format("table {} {} is still there", each.family, table)};
    if (own_rules_of_host() != rules_before_)
      return {not_yet,
              fmt::format("table {} is gone, but the host's rules are not as before", table)};
    std::string evidence =
        fmt::format("table {} and its queue are gone, the host's rules are as before", table);
    if (ended_early_) evidence += "; the emulator had ended before it was told to";
    return {confirmed, evidence};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  std::string trouble() const {
    const std::string said = emulator_->counters().trouble.data();
    return said.empty() ? "without a word" : said;
  }

  // What asked-for effects, frequent enough to wait for, have not been seen.
  std::string missing_effect(const EmulatorCounters& seen) const {
    const NetemSettings& asked = options_.settings;
    if (lost_share(asked.loss) >= seen_share && seen.lost == 0) return "none was lost yet";
    if (asked.duplicate >= seen_share && seen.duplicated == 0) return "none was duplicated yet";
    if (asked.corrupt >= seen_share && seen.corrupted == 0) return "none was corrupted yet";
    if (asked.reorder >= seen_share && seen.at_once == 0) return "none was reordered yet";
    return {};
  }

  kinds::Confirmation judge(const EmulatorCounters& now) const {
    const std::uint64_t out = now.seen_out;
    const std::uint64_t in = now.seen_in;
    const std::uint64_t passed = now.passed;
    const double asked = passed > 0 ? milliseconds(now.asked_ns) / static_cast<double>(passed) : 0;
    const double held = passed > 0 ? milliseconds(now.held_ns) / static_cast<double>(passed) : 0;
    const std::uint64_t gone = now.lost + now.beyond_limit;
    std::string evidence = fmt::format(
        "back-end userspace (NFQUEUE, emulator process {}{}): {} packets out and {} in seen", pid(),
        now.realtime ? ", real time" : "", out, in);
    if (passed > 0)
      evidence += fmt::format(
          ", {} held for {:.2f} ms on average ({:.2f} ms drawn, {:.2f} ms late "
          "at most)",
          passed, held, asked, milliseconds(now.latest_ns));
    evidence += fmt::format(
        "; {} lost, {} beyond the limit, {} duplicated, {} corrupted, {} sent "
        "at once",
        now.lost.load(), now.beyond_limit.load(), now.duplicated.load(), now.corrupted.load(),
        now.at_once.load());
    using Direction = NetemScope::Direction;
    const Direction direction = options_.rules.scope.direction;
    const bool seen = (direction == Direction::ingress || out >= enough_packets) &&
                      (direction == Direction::egress || in >= enough_packets);
    if (!seen) return {not_yet, evidence};
    if (const std::string what = missing_effect(now); !what.empty())
      return {not_yet, evidence + "; " + what};
    // Packets whose time is not over yet can't show how long they are held.
    if (passed + gone + now.at_once == 0 && options_.settings.delay < std::chrono::seconds(1))
      return {not_yet, evidence};
    if (passed > 0 && held < asked) return {unable, evidence + "; they were held for too short"};
    return {confirmed, evidence};
  }

  pid_t pid() const { return emulator_->pid(); }

  EmulatorOptions options_;
  std::string rules_before_;
  bool injected_ = false;
  bool ended_early_ = false;
  std::unique_ptr<EmulatorProcess> emulator_;
  std::uint32_t probes_ = 0;
};

}  // namespace

std::unique_ptr<kinds::Injection> prepare_userspace_netem(const NetemSettings& settings,
                                                          const NetemScope& scope,
                                                          kinds::HostEnv& env,
                                                          std::optional<std::uint32_t> seed) {
  refuse_what_has_no_way(settings, scope);
  EmulatorOptions options;
  options.settings = settings;
  options.rules.scope = scope;
  options.rules.table = unused_table_name();
  options.rules.only_ipv4 = settings.duplicate > 0;
  // Beyond the groups that people use, below the sign bit.
  if (settings.duplicate > 0) options.rules.own_group = 0x60000000U | random_number() >> 4U;
  if (copies_for(settings, scope)) options.rules.copy_mark = random_number() | 0x80000000U;
  options.seed = seed.value_or(random_number());
  require_kernel(options, env.host);
  return std::make_unique<UserspaceNetem>(std::move(options), own_rules_of_host());
}

std::string userspace_netem_missing() {
  try {
    EmulatorOptions options;
    options.rules.table = unused_table_name();
    require_kernel(options, "this machine");
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace nospof::faults
