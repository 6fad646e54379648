#pragma once
// What a ledger probe told, picked and counted.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "kinds/finding.hpp"
#include "kinds/operation.hpp"

namespace nospof::test {

inline std::vector<kinds::Finding> of(const std::vector<kinds::Finding>& all,
                                      const std::string& what, bool over = false) {
  std::vector<kinds::Finding> some;
  for (const kinds::Finding& finding : all)
    if (finding.what == what && finding.over == over) some.push_back(finding);
  return some;
}
inline std::uint64_t count_of(const std::vector<kinds::Finding>& findings) {
  std::uint64_t count = 0;
  for (const kinds::Finding& finding : findings) count += finding.count;
  return count;
}
inline std::size_t count_of(const std::vector<kinds::Operation>& operations,
                            kinds::Operation::Function function, kinds::Operation::Event event) {
  return static_cast<std::size_t>(std::ranges::count_if(operations, [&](const kinds::Operation& o) {
    return o.function == function && o.event == event;
  }));
}

}  // namespace nospof::test
