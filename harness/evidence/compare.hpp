#pragma once
// What differs between two JSON values, in words.

#include <string>
#include <vector>

#include <boost/json/value.hpp>

namespace nospof::evidence {

struct Comparison {
  /// What only the second one has is no difference: it was made by another version, which may know
  /// more.
  bool additions = false;
  std::size_t most = 200;  ///< differences that are told
};

/// One line each, with the place: "cells[web1/host-crash].verdict: "pass" is stated, but "fail"
/// follows". Entries of lists that have an "id" are told by it. Numbers with a fraction are equal
/// when they differ by less than one part in 10^9.
std::vector<std::string> differences(const boost::json::value& stated,
                                     const boost::json::value& follows,
                                     const Comparison& comparison);

}  // namespace nospof::evidence
