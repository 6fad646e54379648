#pragma once
// Partitions on three hosts of one link, driven as the agent drives them.

#include <cstring>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>

#include "agent/undo.hpp"
#include "fault_support.hpp"
#include "faults/partition.hpp"
#include "system/arp.hpp"
#include "system/nftables.hpp"
#include "system/process.hpp"
#include "system/ruleset.hpp"

namespace nospof::test {

using kinds::Confirmation;
using Names = std::vector<std::string>;

/// One placement in force on one host.
struct InForce {
  LinkedHost* host;
  std::unique_ptr<kinds::Injection> injection;
};

class PartitionOnLink : public LinkedHosts {
 protected:
  using Outcome = Confirmation::Outcome;

  std::vector<InForce> prepare(const Names& targets, const spec::Parameters& parameters) {
    const auto kind = faults::make_partition();
    std::vector<InForce> prepared;
    for (const auto& placement : kind->plan(targets, "", parameters, stack_).placements) {
      LinkedHost& host = named(placement.host);
      prepared.push_back({&host, prepare_on(host, placement.parameters)});
    }
    return prepared;
  }

  static std::unique_ptr<kinds::Injection> prepare_on(LinkedHost& host,
                                                      const boost::json::object& parameters) {
    const auto fault = faults::make_partition()->make(parameters);
    kinds::HostEnv env{.host = host.name()};
    return host.in([&] { return fault->prepare(env); });
  }

  std::vector<InForce> inject(const Names& targets, const spec::Parameters& parameters = {}) {
    auto prepared = prepare(targets, parameters);
    for (auto& [host, injection] : prepared) host->in([&] { injection->inject(); });
    for (auto& part : prepared) {
      const auto answer = ask(part, &kinds::Injection::confirm);
      EXPECT_EQ(answer.outcome, Outcome::confirmed) << part.host->name() << ": " << answer.evidence;
    }
    return prepared;
  }

  static Confirmation ask(InForce& part, Confirmation (kinds::Injection::*question)()) {
    return until_confirmed(
        [&] { return part.host->in([&] { return (part.injection.get()->*question)(); }); });
  }

  static void heal(std::vector<InForce>& parts) {
    for (auto& part : parts) {
      kinds::HostEnv env{.host = part.host->name()};
      part.host->in([&] {
        part.injection->release();
        for (const auto& record : part.injection->undo()) {
          const auto result = agent::execute_undo(record, env);
          EXPECT_TRUE(result.done) << result.detail;
        }
      });
      const auto answer = ask(part, &kinds::Injection::confirm_healed);
      EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    }
  }

  /// All rules of a host, with handles, as nft(8) prints them; without what its sets learn from
  /// packets that come by themselves (a neighbour's IGMP).
  static std::string ruleset(const LinkedHost& host) {
    SpawnOptions options;
    options.argv = {"nft", "-a", "-s", "list", "ruleset"};
    options.namespaces = {{host.namespace_fd(), CLONE_NEWNET}};
    const CommandResult result = run_command(options, 10s);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return without_learned_elements(result.output);
  }

  static void load(const LinkedHost& host, const std::string& rules) {
    host.in([&] { NftContext().run(rules); });
  }

  /// Whether `to` answers an ARP request of `from`, whatever either has in its neighbour table.
  static bool answers_arp(const LinkedHost& from, const LinkedHost& to) {
    return from.in([&] {
      const UniqueFd tap(check(
          "packet socket", ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETHERTYPE_ARP))));
      EXPECT_TRUE(send_arp_request(to.address()));
      const auto end = std::chrono::steady_clock::now() + silence;
      in_addr wanted{};
      ::inet_pton(AF_INET, to.address().c_str(), &wanted);
      while (std::chrono::steady_clock::now() < end) {
        if (!is_readable(tap.get(), 10ms)) continue;
        ether_arp message{};
        if (::recv(tap.get(), &message, sizeof message, 0) != sizeof message) continue;
        if (ntohs(message.arp_op) == ARPOP_REPLY &&
            std::memcmp(message.arp_spa, &wanted, sizeof wanted) == 0)
          return true;
      }
      return false;
    });
  }
};

inline spec::Parameters from(const Names& hosts, const std::string& direction = "both") {
  return {{"from", hosts}, {"direction", direction}};
}
inline spec::Parameters isolated(const std::string& direction) {
  return {{"direction", direction}};
}

// Rules that let everything pass as early as rules can, and established connections once more.
inline constexpr const char* permissive_firewall = R"(
table netdev early {
  chain in { type filter hook ingress device "eth0" priority -500; policy accept; counter accept; }
  chain out { type filter hook egress device "eth0" priority -500; policy accept; counter accept; }
}
table inet host {
  set known { type ipv4_addr; flags dynamic, timeout; timeout 1h; }
  chain pre { type filter hook prerouting priority -400; policy accept; counter accept; }
  chain in {
    type filter hook input priority -400; policy accept
    ct state established,related counter accept
    add @known { ip saddr }
    accept
  }
}
)";

}  // namespace nospof::test
