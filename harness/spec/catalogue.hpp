#pragma once
// What is known about kinds of faults and probes without knowing any: enough to check an experiment
// file, to make a JSON Schema and to list them. The kinds themselves are registered from main().

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "spec/units.hpp"

namespace nospof::spec {

enum class ParameterType { boolean, integer, text, duration, rate, percent, bandwidth, text_list };

/// One parameter of a kind.
struct ParameterInfo {
  std::string name;  ///< as in YAML, lower case with dashes
  ParameterType type = ParameterType::text;
  bool required = false;
  std::string default_text;          ///< as it would stand in YAML; empty: none
  std::vector<std::string> choices;  ///< allowed texts; empty: any
  std::string doc;                   ///< one sentence, with the unit
  /// For text_list: they name hosts or tiers; the reader checks them and replaces tiers by their
  /// hosts.
  bool names_hosts = false;
};

/// A checked parameter value.
using ParameterValue = std::variant<bool, std::int64_t, std::string, Duration, Rate, Percent,
                                    Bandwidth, std::vector<std::string>>;
using Parameters = std::map<std::string, ParameterValue>;

/// What a fault acts on.
enum class TargetType { host, service };

/// What a service must have so that a proof can try a fault on it.
enum class Requirement { none, tls_hop };  ///< tls_hop: it ends a TLS hop of the topology

/// A set of parameters under which a fault is tried by `nospof prove`.
struct ProveVariant {
  std::string label;  ///< shown beside the kind; empty for the only one
  Parameters parameters;
};

struct KindInfo {
  std::string name;     ///< "process-kill"
  std::string summary;  ///< one sentence
  TargetType target = TargetType::host;
  std::vector<ParameterInfo> parameters;
  std::vector<ProveVariant> prove_variants;  ///< empty: not part of a proof
  /// Names of what the host must have for it (system/capabilities.hpp); "a|b": one of the two.
  std::vector<std::string> needs = {};
  Requirement prove_requires = Requirement::none;
};

/// All kinds that this program knows.
struct Catalogue {
  std::vector<KindInfo> faults;
  std::vector<KindInfo> probes;
  std::vector<std::string> outcomes = {};  ///< names of what a request can end with: "reset"
  const KindInfo* find_fault(const std::string& name) const;
  const KindInfo* find_probe(const std::string& name) const;
};

}  // namespace nospof::spec
