#include "control/fault_check.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "control/campaign.hpp"
#include "spec/problems.hpp"

namespace nospof::control {

namespace {

// Stands for what a lab's authorities would sign: who is sent it reads it on the host only.
class NoSigner final : public kinds::CertificateSigner {
 public:
  kinds::SignedCertificate sign(const std::string& /*host*/, const std::string& /*service*/,
                                const kinds::CertificateWish& /*wish*/) const override {
    return {"a certificate", "a key"};
  }
};

kinds::StackView made_up_stack(const spec::Topology& topology) {
  kinds::StackView stack =
      stack_view(topology, [](const std::string&) { return std::string("02:00:00:00:00:01"); });
  for (kinds::StackService& service : stack.services) {
    service.folder = "/etc";
    if (!service.tls) continue;
    service.tls->certificate = "/etc/tls/service.crt";
    service.tls->key = "/etc/tls/service.key";
    service.tls->bundle = "/etc/tls/service.pem";
    service.tls->authority_file = "/etc/tls/authority.crt";
  }
  stack.signer = std::make_shared<NoSigner>();
  return stack;
}

// Of one fault; beyond that not every holder of its roles is tried.
constexpr std::size_t most_lists = 256;

// Each list of hosts that the fault may hit: one for each host that may have a role.
std::vector<std::vector<std::string>> possible_hosts(const spec::FaultSpec& fault,
                                                     const spec::Topology& topology) {
  std::vector<std::vector<std::string>> lists{{}};
  const auto add_to_all = [&](const std::vector<std::string>& hosts) {
    for (auto& list : lists) list.insert(list.end(), hosts.begin(), hosts.end());
  };
  for (const std::string& target : fault.targets) {
    if (const spec::Tier* tier = topology.find_tier(target)) {
      add_to_all(tier->hosts);
    } else if (const spec::Role* role = topology.find_role(target)) {
      if (lists.size() * role->among.size() > most_lists) {
        add_to_all({role->among.front()});
        continue;
      }
      std::vector<std::vector<std::string>> longer;
      for (const auto& list : lists)
        for (const std::string& host : role->among) {
          longer.push_back(list);
          longer.back().push_back(host);
        }
      lists = std::move(longer);
    } else {
      add_to_all({target});
    }
  }
  for (auto& list : lists) {
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return lists;
}

void try_fault(const spec::FaultSpec& fault, const kinds::FaultKind& kind,
               const std::vector<std::string>& hosts, const kinds::StackView& stack) {
  kinds::Plan plan = kind.plan(hosts, fault.service, fault.parameters, stack);
  for (kinds::Placement& placement : plan.placements) {
    placement.parameters["duration_ms"] =
        std::chrono::ceil<std::chrono::milliseconds>(fault.duration).count();
    kind.make(placement.parameters);
  }
}

}  // namespace

void check_faults(const spec::Experiment& experiment, const spec::Topology& topology,
                  const kinds::Registry& registry) {
  const kinds::StackView stack = made_up_stack(topology);
  spec::Problems problems;
  for (const spec::FaultSpec& fault : experiment.faults) {
    const kinds::FaultKind& kind = registry.fault(fault.kind);
    if (const std::string why = kind.never_possible(); !why.empty()) {
      problems.add(experiment.file, fault.mark, fmt::format("{}: {}", fault.kind, why));
      continue;
    }
    // Mostly the same is wrong whoever is hit. What can be done to some holder of a role is good.
    std::set<std::string> told;
    bool possible = false;
    for (const std::vector<std::string>& hosts : possible_hosts(fault, topology)) {
      try {
        try_fault(fault, kind, hosts, stack);
        possible = true;
      } catch (const std::exception& error) {
        told.insert(error.what());
      }
    }
    if (possible) continue;
    for (const std::string& why : told) problems.add(experiment.file, fault.mark, why);
  }
  problems.raise();
}

}  // namespace nospof::control
