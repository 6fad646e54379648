#pragma once
// What the tests of spec share: a catalogue like the real one, the small valid files, problems as
// text.

#include <functional>
#include <string>
#include <vector>

#include "spec/reader.hpp"

namespace nospof::spec::test {

/// Kinds like those of the program, without linking them.
Catalogue catalogue();

/// A path in the source tree.
std::string source(const std::string& path);

/// tests/malformed/base/topology.yaml and experiment.yaml, which are valid.
std::string base_topology();
std::string base_experiment();

/// The first `from` in `text` replaced; throws when there is none.
std::string replaced(std::string text, const std::string& from, const std::string& to);

/// Reads a text as if it stood beside the valid ones.
Topology topology_of(const std::string& text);
Experiment experiment_of(const std::string& text);

/// The problems that `action` throws as SpecError, as "LINE:COLUMN: MESSAGE"; empty when it throws
/// none.
std::vector<std::string> problems_of(const std::function<void()>& action);

/// A folder of its own, gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::string folder_;
};

}  // namespace nospof::spec::test
