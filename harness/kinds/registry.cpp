#include "kinds/registry.hpp"

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::kinds {

namespace {
template <typename Kind>
const Kind& find(const std::vector<std::unique_ptr<Kind>>& kinds, const std::string& name,
                 const char* what) {
  std::string known;
  for (const auto& kind : kinds) {
    if (kind->info().name == name) return *kind;
    known += (known.empty() ? "" : ", ") + kind->info().name;
  }
  throw Error(fmt::format("unknown {} '{}'; this program knows: {}", what, name, known));
}
}  // namespace

void Registry::add(std::unique_ptr<FaultKind> kind) {
  faults_.push_back(std::move(kind));
}
void Registry::add(std::unique_ptr<ProbeKind> kind) {
  probes_.push_back(std::move(kind));
}

const FaultKind& Registry::fault(const std::string& name) const {
  return find(faults_, name, "fault");
}
const ProbeKind& Registry::probe(const std::string& name) const {
  return find(probes_, name, "probe");
}

spec::Catalogue Registry::catalogue() const {
  spec::Catalogue catalogue;
  for (const auto& kind : faults_) catalogue.faults.push_back(kind->info());
  for (const auto& kind : probes_) catalogue.probes.push_back(kind->info());
  for (std::size_t i = 0; i < outcome_count; ++i)
    catalogue.outcomes.emplace_back(outcome_name(static_cast<Outcome>(i)));
  return catalogue;
}

const StackHost& StackView::host(const std::string& name) const {
  for (const auto& candidate : hosts)
    if (candidate.name == name) return candidate;
  throw Error(fmt::format("no host '{}' in the topology", name));
}

const StackService* StackView::service(const std::string& host, const std::string& service) const {
  for (const auto& candidate : services)
    if (candidate.host == host && candidate.name == service) return &candidate;
  return nullptr;
}

}  // namespace nospof::kinds
