#pragma once
// The rules of the source tree that a compiler does not hold: who may include whom, sizes, and what
// may not stand anywhere. Pure: files come in as text, findings go out as lines.

#include <map>
#include <set>
#include <string>
#include <vector>

namespace nospof::tidy {

struct SourceFile {
  std::string path;  ///< from the root of the tree: "harness/spec/units.hpp"
  std::string text;
};

/// Folder ("spec", "faults", "lab", ...) -> folders it may include. Its own is always allowed.
using IncludeRule = std::map<std::string, std::set<std::string>>;

/// The rule of the project's design; "main" is harness/main.cpp alone.
IncludeRule design_rule();

/// Link lines of a CMakeLists.txt, "nospof_library(harness/spec LINKS nospof_system ...)", as
/// folder
/// -> folders it links directly.
IncludeRule link_lines(const std::string& cmake);

/// "path:line: what is wrong", one per finding.
std::vector<std::string> check_includes(const SourceFile& file, const IncludeRule& rule);
/// No link line may be wider than the rule; every folder of the rule needs a link line.
std::vector<std::string> check_link_lines(const IncludeRule& links, const IncludeRule& rule);
/// What is included must be linked, directly or through what is linked.
std::vector<std::string> check_includes_are_linked(const SourceFile& file,
                                                   const IncludeRule& links);
/// At most 400 lines of at most 100 columns, C++ only.
std::vector<std::string> check_size(const SourceFile& file);
/// `#pragma once`, and a comment at the top that says what it is; headers only.
std::vector<std::string> check_header(const SourceFile& file);
/// No shell, no deprecated means of starting one; C++ only.
std::vector<std::string> check_calls(const SourceFile& file);
/// No algorithm that returns a subrange, which clang++ 14 cannot compile with the library of g++
/// 12; C++ only.
std::vector<std::string> check_for_clang(const SourceFile& file);
/// No path that exists on one machine only; every kind of file.
std::vector<std::string> check_paths(const SourceFile& file);

/// Comments and the contents of string literals replaced by spaces; line numbers stay.
std::string code_only(const std::string& text);

/// Every text file of the tree below `root`, without build products, runs and version control.
std::vector<SourceFile> read_tree(const std::string& root);

bool is_cpp(const std::string& path);

}  // namespace nospof::tidy
