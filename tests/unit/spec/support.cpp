#include "tests/unit/spec/support.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include "system/fd.hpp"
#include "tests/support/places.hpp"

namespace nospof::spec::test {

Catalogue catalogue() {
  Catalogue known;
  KindInfo kill;
  kill.name = "process-kill";
  kill.summary = "A signal ends the processes of a service.";
  kill.target = TargetType::service;
  kill.parameters = {
      {"signal", ParameterType::text, false, "KILL", {}, "Name of the signal."},
      {"scope", ParameterType::text, false, "all", {"main", "all"}, "Which processes."},
      {"hold", ParameterType::boolean, false, "true", {}, "Whether it stays down."},
  };
  KindInfo pause;
  pause.name = "process-pause";
  pause.summary = "The processes of a service are stopped.";
  pause.target = TargetType::service;
  KindInfo crash;
  crash.name = "host-crash";
  crash.summary = "A host loses its power.";
  KindInfo partition;
  partition.name = "partition";
  partition.summary = "Hosts are cut off.";
  partition.parameters = {
      {"from", ParameterType::text_list, false, "", {}, "The other side.", true},
      {"direction", ParameterType::text, false, "both", {"both", "in", "out"}, "Which way."},
  };
  known.faults = {kill, pause, crash, partition};
  KindInfo https;
  https.name = "https";
  https.summary = "Requests a page.";
  known.probes = {https};
  known.outcomes = {"ok", "reset", "tls-untrusted"};
  return known;
}

std::string source(const std::string& path) {
  return std::string(nospof::test::source_folder) + "/" + path;
}

std::string base_topology() {
  return read_file(source("tests/malformed/base/topology.yaml"));
}

std::string base_experiment() {
  return read_file(source("tests/malformed/base/experiment.yaml"));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t found = text.find(from);
  if (found == std::string::npos) throw std::invalid_argument("not in the text: " + from);
  return text.replace(found, from.size(), to);
}

Topology topology_of(const std::string& text) {
  return read_topology_text(text, source("tests/malformed/base/topology.yaml"));
}

Experiment experiment_of(const std::string& text) {
  const std::string path = source("tests/malformed/base/experiment.yaml");
  return read_experiment_text(text, path, catalogue()).experiment;
}

std::vector<std::string> problems_of(const std::function<void()>& action) {
  std::vector<std::string> texts;
  try {
    action();
  } catch (const SpecError& error) {
    for (const Problem& problem : error.problems()) {
      texts.push_back(
          fmt::format("{}:{}: {}", problem.mark.line, problem.mark.column, problem.message));
    }
  }
  return texts;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nospof-spec-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  folder_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& text) const {
  write_file(path(name), text);
  return path(name);
}

}  // namespace nospof::spec::test
