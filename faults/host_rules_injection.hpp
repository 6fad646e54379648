#pragma once
// A host's own rules exchanged for others, or for none.

#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "system/ruleset.hpp"

namespace nospof::faults {

/// The built-in bad rulesets of firewall-replace.
inline constexpr const char* drop_all = "drop-all";
inline constexpr const char* no_established = "no-established";
inline constexpr const char* accept_all = "accept-all";

/// A text for nft: one of the built-in ones for a host that listens on these TCP ports.
std::string builtin_ruleset(const std::string& name, const std::vector<int>& listening);

/// A checked value: `rules` is empty (nothing in their place), the name of a built-in ruleset, or a
/// text for nft.
class HostRulesFault final : public kinds::Fault {
 public:
  /// `probed`: addresses to which a packet is tried before and after, to see what rules let out.
  HostRulesFault(std::string kind, std::string rules, std::vector<std::string> probed)
      : kind_(std::move(kind)), rules_(std::move(rules)), probed_(std::move(probed)) {}
  /// Reads the host's rules and tries, in network namespaces made for that, whether they can be put
  /// back exactly and what the new ones look like.
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override;

 private:
  std::string kind_;
  std::string rules_;
  std::vector<std::string> probed_;
};

}  // namespace nospof::faults
