#pragma once
// What anybody can check for themselves after an analysis, without trusting it: for every event
// that is no single point of failure a path set that avoids it, and for every one that is one, that
// it is. docs/analysis.md describes the format.

#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "analysis/fault_tree.hpp"

namespace nospof::analysis {

/// A set of events that keeps the top event from occurring as long as none of them occurs, whatever
/// else does: `avoids` have failed, and with them everything that is not in `works`.
struct PathSet {
  std::vector<std::string> avoids;
  /// Nothing: every event but those in `avoids`.
  std::optional<std::vector<std::string>> works;
};

struct Certificate {
  std::string tree;                        ///< its name
  std::vector<std::string> single_points;  ///< each is a cut set alone
  std::vector<PathSet> path_sets;          ///< together they avoid every other event
};

struct CertificateOptions {
  /// Path sets are made minimal and written out as long as that takes no more names than this
  /// altogether.
  std::size_t names = 100'000;
};

/// Throws Error when the tree is not coherent, or when its top event occurs though nothing failed.
Certificate certify(const FaultTree& tree, const CertificateOptions& options = {});

boost::json::object certificate_json(const Certificate& certificate);
/// Throws Error that says where in the text something is wrong.
Certificate parse_certificate(const std::string& text, const std::string& file);

/// Evaluates the tree for everything that the certificate claims; each claim that does not hold is
/// one sentence. Empty: the certificate holds, and says about every event whether it is a single
/// point of failure. A certificate names events; whether the tree is the right one is not its
/// concern.
std::vector<std::string> verify(const FaultTree& tree, const Certificate& certificate);

}  // namespace nospof::analysis
