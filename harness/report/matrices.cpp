#include "report/matrices.hpp"

#include <map>
#include <set>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "report/text.hpp"

namespace nospof::report {

namespace json = boost::json;

namespace {

// Of one kind of probe: how much of what it expects was seen.
struct Tally {
  std::set<std::string> hosts;
  std::map<std::string, std::pair<std::size_t, std::size_t>> expected;  ///< all, and seen
  std::vector<std::string> undecided;
};

std::string tally_line(const std::string& kind, const Tally& tally) {
  std::vector<std::string> parts;
  for (const auto& [expected, count] : tally.expected)
    parts.push_back(count.first == count.second
                        ? fmt::format("{} {}", count.first, expected)
                        : fmt::format("{} of {} {}", count.second, count.first, expected));
  std::string line = fmt::format("{}: seen from {} host{}: {}", kind, tally.hosts.size(),
                                 tally.hosts.size() == 1 ? "" : "s", fmt::join(parts, ", "));
  if (!tally.undecided.empty())
    line += fmt::format("; never decided: {}", some_of(tally.undecided));
  return line;
}

}  // namespace

json::value matrices_json(const verdict::Matrices& matrices) {
  if (matrices.groups.empty()) return {};
  json::array groups;
  for (const verdict::MatrixGroup& group : matrices.groups)
    groups.push_back({{"kind", valid_utf8(group.kind)},
                      {"host", valid_utf8(group.host)},
                      {"expected", valid_utf8(group.expected)},
                      {"seen", texts(group.seen)},
                      {"undecided", texts(group.undecided)}});
  json::array differences;
  for (const verdict::MatrixDifference& difference : matrices.differences)
    differences.push_back({{"kind", valid_utf8(difference.kind)},
                           {"host", valid_utf8(difference.host)},
                           {"subject", valid_utf8(difference.subject)},
                           {"what", valid_utf8(difference.what)},
                           {"violation", difference.violation},
                           {"times", difference.times}});
  return json::object{{"groups", std::move(groups)}, {"differences", std::move(differences)}};
}

std::vector<std::string> matrices_lines(const verdict::Matrices& matrices) {
  std::map<std::string, Tally> tallies;
  for (const verdict::MatrixGroup& group : matrices.groups) {
    Tally& tally = tallies[group.kind];
    tally.hosts.insert(group.host);
    auto& [all, seen] = tally.expected[group.expected];
    all += group.seen.size() + group.undecided.size();
    seen += group.seen.size();
    for (const std::string& subject : group.undecided)
      tally.undecided.push_back(fmt::format("{} ({})", subject, group.expected));
  }
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> differences;
  for (const verdict::MatrixDifference& difference : matrices.differences)
    differences[{difference.kind, difference.what}].push_back(difference.subject);
  std::vector<std::string> lines;
  for (const auto& [kind, tally] : tallies) {
    lines.push_back(tally_line(kind, tally));
    for (const auto& [what, subjects] : differences)
      if (what.first == kind)
        lines.push_back(fmt::format("{}: {} at times: {}", kind, what.second, some_of(subjects)));
  }
  return lines;
}

std::string matrices_markdown(const verdict::Matrices& matrices) {
  std::string out;
  for (const std::string& line : matrices_lines(matrices))
    out += fmt::format("{}- {}\n", out.empty() ? "\n## Matrices\n\n" : "", markdown_text(line));
  return out;
}

}  // namespace nospof::report
