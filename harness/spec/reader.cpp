#include "spec/reader.hpp"

#include <filesystem>
#include <optional>

#include "spec/experiment_table.hpp"
#include "spec/topology_checks.hpp"
#include "spec/topology_table.hpp"

namespace nospof::spec {

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kinds = {"topology", "experiment"};

std::string folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

/// The file's `kind`; nothing, and a problem, when it is none that we know.
std::optional<std::string> kind_of(const Node& root, const std::string& file, Problems& problems) {
  const std::string expected = "expected 'kind: topology' or 'kind: experiment'";
  if (root.kind != Node::Kind::map) {
    problems.add(file, root.mark, expected + " and further keys, found " + describe(root));
    return std::nullopt;
  }
  const Node* kind = root.find("kind");
  if (kind == nullptr) {
    problems.add(file, root.mark, expected + ", found no key 'kind'");
    return std::nullopt;
  }
  for (const std::string& known : kinds) {
    if (kind->kind == Node::Kind::scalar && kind->text == known) return known;
  }
  problems.add(file, kind->mark,
               expected + ", found " + describe(*kind) + did_you_mean(kind->text, kinds));
  return std::nullopt;
}

/// Reads the tree of a file that must be of one kind and of the one version there is.
std::optional<Node> load_kind(std::string_view text, const std::string& file,
                              const std::string& wanted, Problems& problems) {
  std::optional<Node> root = load_document(text, file, problems);
  if (!root) return std::nullopt;
  const auto kind = kind_of(*root, file, problems);
  if (!kind) return std::nullopt;
  if (*kind != wanted) {
    problems.add(file, root->mark_of("kind"),
                 fmt::format("expected 'kind: {}' here, found '{}'", wanted, *kind));
    return std::nullopt;
  }
  const Node* version = root->find("version");
  if (version == nullptr || version->text == "1") return root;
  problems.add(file, version->mark,
               fmt::format("expected version 1, the only one that this program reads, found {}",
                           describe(*version)));
  return std::nullopt;
}

/// Nothing when there was a problem.
std::optional<Topology> parse_topology(std::string_view text, const std::string& path,
                                       Problems& problems) {
  const std::size_t before = problems.size();
  const auto root = load_kind(text, path, "topology", problems);
  if (!root) return std::nullopt;
  Topology topology;
  topology.file = path;
  topology.folder = fs::absolute(folder_of(path)).lexically_normal().string();
  while (topology.folder.size() > 1 && topology.folder.back() == '/') topology.folder.pop_back();
  Context context{.problems = problems,
                  .file = path,
                  .folder = folder_of(path),
                  .subject = {},
                  .known = &topology,
                  .unsound = {}};
  read_fields(context, *root, topology_table(), topology);
  if (topology.title.empty()) topology.title = topology.name;
  check_topology(context, *root, topology);
  topology.sha256 = check_templates(context, *root, text, topology);
  if (problems.size() > before) return std::nullopt;
  return topology;
}

std::string load_or_raise(const std::string& path, Problems& problems) {
  const auto text = load_text(path, path, {}, problems);
  problems.raise();
  return *text;
}

}  // namespace

Topology read_topology(const std::string& path) {
  Problems problems;
  return read_topology_text(load_or_raise(path, problems), path);
}

Topology read_topology_text(const std::string& text, const std::string& path) {
  Problems problems;
  const auto topology = parse_topology(text, path, problems);
  problems.raise();
  return *topology;
}

ExperimentFile read_experiment(const std::string& path, const Catalogue& catalogue) {
  Problems problems;
  return read_experiment_text(load_or_raise(path, problems), path, catalogue);
}

ExperimentFile read_experiment_text(const std::string& text, const std::string& path,
                                    const Catalogue& catalogue) {
  Problems problems;
  const auto root = load_kind(text, path, "experiment", problems);
  if (!root) problems.raise();
  std::optional<Topology> topology;
  const TopologyLoader loader = [&](Context& context, Mark mark, const std::string& file) {
    const auto found = load_text(file, context.file, mark, problems);
    if (found) topology = parse_topology(*found, file, problems);
    if (topology) context.known = &*topology;
  };
  ExperimentFile result;
  result.experiment.file = path;
  Context context{.problems = problems,
                  .file = path,
                  .folder = folder_of(path),
                  .subject = {},
                  .catalogue = &catalogue,
                  .unsound = {}};
  read_fields(context, *root, experiment_table(catalogue, loader), result.experiment);
  check_experiment(context, *root, result.experiment);
  problems.raise();
  result.topology = std::move(*topology);
  return result;
}

std::string file_kind(const std::string& path) {
  Problems problems;
  const std::string text = load_or_raise(path, problems);
  const auto root = load_document(text, path, problems);
  std::optional<std::string> kind;
  if (root) kind = kind_of(*root, path, problems);
  // Whatever else is wrong is for the reader of that kind to say.
  if (!kind) problems.raise();
  return *kind;
}

}  // namespace nospof::spec
