#include "verdict/matrices.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace nospof::verdict {

namespace {

// Of a probe that looks at several things; each is known by what it is expected to be.
constexpr std::string_view tls = "tls";
constexpr std::string_view client_certificate = "client-certificate";

}  // namespace

MatrixBuilder::Group& MatrixBuilder::group_of(const std::string& kind, const std::string& host,
                                              const std::string& expected) {
  const auto known = std::ranges::find_if(groups_, [&](const Group& group) {
    return group.kind == kind && group.host == host && group.expected == expected;
  });
  if (known != groups_.end()) return *known;
  groups_.push_back({kind, host, expected, {}});
  return groups_.back();
}

void MatrixBuilder::add_lab(const RunRecord& run, const std::vector<Span>& spans) {
  std::set<std::pair<std::string, std::string>> subjects;
  for (const Expected& each : run.expected) {
    const std::string kind = kind_of(run, each.probe);
    subjects.insert({each.host, each.expectation.subject});
    std::vector<Entry>& entries = group_of(kind, each.host, each.expectation.expected).entries;
    const auto known = std::ranges::find(entries, each.expectation.subject, &Entry::subject);
    if (known == entries.end())
      entries.push_back({each.expectation.subject, each.decided});
    else
      known->decided = known->decided || each.decided;
  }
  for (const Span& span : spans) {
    const kinds::Finding& finding = span.finding;
    if (!subjects.contains({span.host, finding.subject})) continue;
    auto& [violation, times] = differences_[{span.kind, span.host, finding.subject, finding.what}];
    violation = violation || finding.violation;
    ++times;
  }
}

Matrices MatrixBuilder::finish() const {
  Matrices matrices;
  for (const Group& group : groups_) {
    MatrixGroup& made =
        matrices.groups.emplace_back(MatrixGroup{group.kind, group.host, group.expected, {}, {}});
    for (const Entry& entry : group.entries)
      (entry.decided ? made.seen : made.undecided).push_back(entry.subject);
  }
  std::ranges::sort(matrices.groups, {}, [](const MatrixGroup& group) {
    return std::tie(group.kind, group.host, group.expected);
  });
  for (const auto& [key, value] : differences_)
    matrices.differences.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key),
                                    std::get<3>(key), value.first, value.second});
  return matrices;
}

std::vector<std::string> never_examined(const Matrices& matrices) {
  std::set<std::pair<std::string, std::string>> could_tell;
  for (const MatrixGroup& group : matrices.groups)
    if (!group.seen.empty()) could_tell.insert({group.kind, group.host});
  std::vector<std::string> hops;
  for (const MatrixGroup& group : matrices.groups) {
    if (!could_tell.contains({group.kind, group.host})) continue;
    // A firewall that lets nobody through cannot be told from hosts that are cut off, and an
    // allowed port at which nobody listens is neither open nor closed.
    if (group.expected != tls && group.expected != client_certificate) continue;
    for (const std::string& subject : group.undecided)
      hops.push_back(
          fmt::format("{} ({}, {} on {})", subject, group.expected, group.kind, group.host));
  }
  return hops;
}

}  // namespace nospof::verdict
