#pragma once
// The one place that knows YAML. Reads, checks everything, and collects every problem it finds.

#include <string>
#include <vector>

#include "spec/catalogue.hpp"
#include "spec/experiment.hpp"
#include "spec/topology.hpp"
#include "system/check.hpp"

namespace nospof::spec {

/// One thing that is wrong in a file.
struct Problem {
  std::string file;
  Mark mark;
  std::string message;  ///< what was found, what was expected, "did you mean ...?"
  std::string text()
      const;  ///< "topology.yaml:12:5: unknown key 'adress' in host 'lb1'; did you mean 'address'?"
};

/// Thrown by the readers: bad input, exit code 2. what() has one line per problem.
class SpecError : public Error {
 public:
  explicit SpecError(std::vector<Problem> problems);
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

/// Reads and checks a topology and that the templates it names exist. Throws SpecError.
Topology read_topology(const std::string& path);
/// The same for a text that would stand at `path`.
Topology read_topology_text(const std::string& text, const std::string& path);

/// Reads and checks an experiment and the topology it names. Throws SpecError.
struct ExperimentFile {
  Experiment experiment;
  Topology topology;
};
ExperimentFile read_experiment(const std::string& path, const Catalogue& catalogue);
ExperimentFile read_experiment_text(const std::string& text, const std::string& path,
                                    const Catalogue& catalogue);

/// "topology" or "experiment", from the file's `kind:`; throws SpecError when it is neither.
std::string file_kind(const std::string& path);

/// JSON Schema (draft 7) of one kind of file ("topology" or "experiment"), made from the tables the
/// reader uses.
std::string json_schema(const std::string& kind, const Catalogue& catalogue);

/// Turns "3s", "true", ... into a checked value, as the reader does it; throws Error with the
/// reason.
ParameterValue parse_parameter(const ParameterInfo& info, const std::string& text);

}  // namespace nospof::spec
