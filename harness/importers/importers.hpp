#pragma once
// Descriptions of stacks that others use, as the skeleton of a topology: what they say is taken
// over, and what they do not say stands there as a comment "# not known: ...". docs/plan.md lists
// what is read. Pure functions: text in, text out.

#include <string>

namespace nospof::importers {

/// What a file is in.
enum class Source { compose, ansible, containerlab };
/// "compose", "ansible", "containerlab"; throws Error for anything else, with what there is.
Source source_of(const std::string& name);

/// A topology that `nospof validate` accepts, with an example instead of each thing that is not
/// known. `file` is named in errors and decides between Ansible's two formats: .yaml and .yml are
/// YAML, all others INI. Throws spec::SpecError with lines when the text is not what it should be.
std::string import_text(const std::string& text, const std::string& file, Source source);

}  // namespace nospof::importers
