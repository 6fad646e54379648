#include "importers/importers.hpp"

#include <fmt/format.h>

#include "importers/skeleton.hpp"
#include "system/check.hpp"

namespace nospof::importers {

namespace {

bool is_yaml(const std::string& file) {
  return file.ends_with(".yaml") || file.ends_with(".yml");
}

Found read(const std::string& text, const std::string& file, Source source,
           spec::Problems& problems) {
  if (source == Source::ansible && !is_yaml(file)) return read_ansible_ini(text, file, problems);
  const auto root = spec::load_document(text, file, problems, "a map");
  problems.raise();
  if (!root || root->kind != spec::Node::Kind::map) {
    problems.add(file, root ? root->mark : spec::Mark{1, 1}, "expected a map");
    problems.raise();
  }
  switch (source) {
    case Source::compose:
      return read_compose(*root, file, problems);
    case Source::ansible:
      return read_ansible_yaml(*root, file, problems);
    case Source::containerlab:
      return read_containerlab(*root, file, problems);
  }
  return {};
}

}  // namespace

Source source_of(const std::string& name) {
  if (name == "compose") return Source::compose;
  if (name == "ansible") return Source::ansible;
  if (name == "containerlab") return Source::containerlab;
  throw Error(fmt::format("--from {}: expected compose, ansible or containerlab", name));
}

std::string import_text(const std::string& text, const std::string& file, Source source) {
  spec::Problems problems;
  const Found found = read(text, file, source, problems);
  problems.raise();
  return skeleton(found, file);
}

}  // namespace nospof::importers
