#pragma once
// A YAML document as a plain tree with places. document.cpp is the only file that sees the YAML
// library.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/problems.hpp"

namespace nospof::spec {

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Mark mark;
  std::string text;          ///< of a scalar
  std::vector<Node> keys;    ///< of a map, scalars, each once
  std::vector<Node> values;  ///< of a map, in the order of `keys`; of a list

  /// The value of a key of a map, or nullptr.
  const Node* find(std::string_view key) const;
  /// Where a key's value stands, or, when there is none, where this node does.
  Mark mark_of(std::string_view key) const;
  /// Where the i-th item of a list stands; of a scalar, where the scalar does.
  Mark mark_of(std::size_t index) const;
};

/// What stands there, for messages: "'x'", "a list", "a map", "nothing".
std::string describe(const Node& node);

/// Reads exactly one document. Bounded in size, depth and aliases, whatever the text. Nothing comes
/// back when there is no tree to go on with; problems are added in either case. `expected`: what an
/// empty one should have been, for its message.
std::optional<Node> load_document(
    std::string_view text, const std::string& file, Problems& problems,
    std::string_view expected = "a map that starts with 'kind: topology' or 'kind: experiment'");

/// A file's text as it is on disk; a problem and nothing when it cannot be read or is larger than 1
/// MiB.
std::optional<std::string> load_text(const std::string& path, const std::string& file, Mark mark,
                                     Problems& problems);

}  // namespace nospof::spec
