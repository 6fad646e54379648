#pragma once
// The verb `analyze`: what a system's parts mean for each other, without breaking any of them.

#include <cstdint>
#include <optional>
#include <string>

namespace nospof::cli {

struct AnalyzeArguments {
  std::string topology_file;      ///< a topology; this or:
  std::string mef_file;           ///< a fault tree in the Open-PSA format
  std::string top;                ///< which of its gates; empty: the only one that no other uses
  std::optional<unsigned> order;  ///< cut sets of so many events at most; nothing: 2
  /// Cut sets of one order that are written out; nothing: 1000, of a topology 20.
  std::optional<std::uint64_t> listed;
  bool count = false;  ///< also how many there are of any order
  bool json = false;
  bool dot = false;
  bool mermaid = false;
  std::string certificate_file;  ///< where to write one; empty: nowhere
  // Of a topology only:
  bool sarif = false;    ///< findings as SARIF 2.1.0
  std::string function;  ///< whose tree is drawn, written or certified; empty: the first one's
  std::string mef_out;   ///< where to write its tree in the Open-PSA format; empty: nowhere
};

/// Returns 1 when there is a single point of failure, 3 when that could not be decided.
int analyze_command(const AnalyzeArguments& arguments);
/// Of a topology: also 1 when its structure has an error.
int analyze_topology(const AnalyzeArguments& arguments);
/// Of a fault tree in a file.
int analyze_mef(const AnalyzeArguments& arguments);

}  // namespace nospof::cli
