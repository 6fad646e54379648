#pragma once
// The matrices of a run: what the probes of firewalls, TLS and monitoring were to look at, what of
// it they could tell anything about, and what was ever otherwise. Pure: no file, no clock.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "verdict/observations.hpp"
#include "verdict/record.hpp"

namespace nospof::verdict {

/// All that is expected alike by one kind of probe on one host. In the order in which they look.
struct MatrixGroup {
  std::string kind;      ///< "firewall", "tls-path", "monitoring"
  std::string host;      ///< who looks
  std::string expected;  ///< "open", "closed", "tls", "client-certificate", "monitored", ...
  std::vector<std::string> seen;       ///< subjects: as expected, but for the differences
  std::vector<std::string> undecided;  ///< no look ever told anything
  bool looked = false;                 ///< a look of such a probe of this host told something
};

/// Something that was not as expected, at least for a time.
struct MatrixDifference {
  std::string kind;
  std::string host;
  std::string subject;
  std::string what;        ///< the finding: "open", "tls-expired", ...
  bool violation = false;  ///< may never be, whatever is broken
  std::size_t times = 0;
};

struct Matrices {
  std::vector<MatrixGroup> groups;
  std::vector<MatrixDifference> differences;
};

/// Takes the labs of a run one after another. What was seen in one of them was seen.
class MatrixBuilder {
 public:
  /// `run`: as in_lab() gives it; `spans`: of it.
  void add_lab(const RunRecord& run, const std::vector<Span>& spans);
  Matrices finish() const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;
  struct Group {
    std::vector<std::string> subjects;
    std::map<std::string, bool> decided;  ///< by subject
  };
  std::map<Key, Group> groups_;  ///< by kind, host and what is expected
  struct Difference {
    bool violation = false;
    std::size_t times = 0;
  };
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Difference>
      differences_;                                       ///< by kind, host, subject and what
  std::set<std::pair<std::string, std::string>> looked_;  ///< kinds and hosts
};

/// Hops and monitored hosts of which nothing is known after the whole run, though the probe told
/// something: "db-to-db: db1 -> db2:4567 (tls, tls-path on db1)".
std::vector<std::string> never_examined(const Matrices& matrices);

}  // namespace nospof::verdict
