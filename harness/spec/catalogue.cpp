#include "spec/catalogue.hpp"

#include <algorithm>

namespace nospof::spec {

namespace {

const KindInfo* find(const std::vector<KindInfo>& kinds, const std::string& name) {
  const auto found = std::ranges::find(kinds, name, &KindInfo::name);
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace

const KindInfo* Catalogue::find_fault(const std::string& name) const {
  return find(faults, name);
}

const KindInfo* Catalogue::find_probe(const std::string& name) const {
  return find(probes, name);
}

}  // namespace nospof::spec
