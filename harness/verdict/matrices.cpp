#include "verdict/matrices.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace nospof::verdict {

namespace {

// Of a probe that looks at several things; each is known by what it is expected to be.
constexpr std::string_view tls = "tls";
constexpr std::string_view client_certificate = "client-certificate";
constexpr std::string_view monitored = "monitored";

}  // namespace

void MatrixBuilder::add_lab(const RunRecord& run, const std::vector<Span>& spans) {
  std::set<Key> subjects;
  for (const auto& [of, all] : run.expected) {
    const auto& [probe, host] = of;
    const std::string kind = kind_of(run, probe);
    for (const Expected& each : all) {
      subjects.insert({kind, host, each.expectation.subject});
      Group& group = groups_[{kind, host, each.expectation.expected}];
      const auto [known, is_new] = group.decided.try_emplace(each.expectation.subject, false);
      known->second = known->second || each.decided;
      if (is_new) group.subjects.push_back(each.expectation.subject);
    }
  }
  for (const Look& look : run.looks)
    if (look.round.checked > look.round.undecided)
      looked_.insert({kind_of(run, look.probe), look.host});
  for (const Span& span : spans) {
    const kinds::Finding& finding = span.finding;
    if (!subjects.contains({span.kind, span.host, finding.subject})) continue;
    Difference& seen = differences_[{span.kind, span.host, finding.subject, finding.what}];
    seen.violation = seen.violation || finding.violation;
    ++seen.times;
  }
}

Matrices MatrixBuilder::finish() const {
  Matrices matrices;
  for (const auto& [key, group] : groups_) {
    const auto& [kind, host, expected] = key;
    MatrixGroup made{kind, host, expected, {}, {}, looked_.contains({kind, host})};
    for (const std::string& subject : group.subjects)
      (group.decided.at(subject) ? made.seen : made.undecided).push_back(subject);
    matrices.groups.push_back(std::move(made));
  }
  for (const auto& [key, seen] : differences_) {
    const auto& [kind, host, subject, what] = key;
    matrices.differences.push_back({kind, host, subject, what, seen.violation, seen.times});
  }
  return matrices;
}

std::vector<std::string> never_examined(const Matrices& matrices) {
  // Where no TLS is there is no certificate to demand; that is a finding already.
  std::set<std::tuple<std::string, std::string, std::string>> without_tls;
  for (const MatrixDifference& difference : matrices.differences)
    if (difference.what == "tls-absent")
      without_tls.insert({difference.kind, difference.host, difference.subject});
  std::vector<std::string> unexamined;
  for (const MatrixGroup& group : matrices.groups) {
    if (!group.looked) continue;
    // A firewall that lets nobody through cannot be told from hosts that are cut off, and an
    // allowed port at which nobody listens is neither open nor closed.
    if (group.expected != tls && group.expected != client_certificate &&
        group.expected != monitored)
      continue;
    for (const std::string& subject : group.undecided)
      if (!without_tls.contains({group.kind, group.host, subject}))
        unexamined.push_back(
            fmt::format("{} ({}, {} on {})", subject, group.expected, group.kind, group.host));
  }
  return unexamined;
}

}  // namespace nospof::verdict
