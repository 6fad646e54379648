#include "faults/partition_shapes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

// Whether two of `count` hosts in a ring see each other: as many neighbours on either side as a
// majority takes, and the one opposite when that number is odd.
bool near_in_ring(std::size_t a, std::size_t b, std::size_t count) {
  const std::size_t gap = a > b ? a - b : b - a;
  const std::size_t distance = std::min(gap, count - gap);
  const std::size_t others = count / 2;
  const bool opposite = others % 2 == 1 && count % 2 == 0;
  const std::size_t reach = opposite ? others / 2 : (others + 1) / 2;
  return distance <= reach || (opposite && distance == count / 2);
}

bool sees(const std::string& shape, std::size_t a, std::size_t b, std::size_t count) {
  const std::size_t half = (count + 1) / 2;
  if (shape == "halves") return (a < half) == (b < half);
  if (shape == "bridge") {
    const std::size_t middle = count / 2;
    return a == middle || b == middle || (a < middle) == (b < middle);
  }
  if (shape == "majorities-ring") return near_in_ring(a, b, count);
  return false;
}

std::size_t fewest(const std::string& shape) {
  if (shape == "majorities-ring") return 4;
  return shape == "bridge" ? 3 : 2;
}

}  // namespace

std::vector<std::string> shape_names() {
  return {"isolate", "group", "halves", "bridge", "each-other", "majorities-ring"};
}

std::vector<Hosts> unseen_by(const std::string& shape, const Hosts& targets) {
  const auto names = shape_names();
  if (std::find(names.begin() + 2, names.end(), shape) == names.end())
    throw Error(fmt::format("partition: '{}' is no pattern", shape));
  if (targets.size() < fewest(shape))
    throw Error(fmt::format("partition: shape '{}' takes at least {} hosts, not {}{}", shape,
                            fewest(shape), targets.size(),
                            shape == "majorities-ring"
                                ? ": of three hosts none can see just one other one without two "
                                  "seeing the same"
                                : ""));
  std::vector<Hosts> unseen(targets.size());
  for (std::size_t a = 0; a < targets.size(); ++a)
    for (std::size_t b = 0; b < targets.size(); ++b)
      if (a != b && !sees(shape, a, b, targets.size())) unseen[a].push_back(targets[b]);
  return unseen;
}

}  // namespace nospof::faults
