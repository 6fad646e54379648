#pragma once
// All kinds of faults and probes of this program; filled in main.cpp, passed down, never global.

#include <memory>
#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "kinds/probe.hpp"
#include "spec/catalogue.hpp"

namespace nospof::kinds {

class Registry {
 public:
  void add(std::unique_ptr<FaultKind> kind);
  void add(std::unique_ptr<ProbeKind> kind);
  /// Throw Error naming the known kinds when there is none of that name.
  const FaultKind& fault(const std::string& name) const;
  const ProbeKind& probe(const std::string& name) const;
  spec::Catalogue catalogue() const;

 private:
  std::vector<std::unique_ptr<FaultKind>> faults_;
  std::vector<std::unique_ptr<ProbeKind>> probes_;
};

}  // namespace nospof::kinds
