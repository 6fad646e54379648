#include "tests/unit/tidy/tidy.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <fmt/format.h>

namespace nospof::tidy {

namespace {

constexpr std::size_t most_lines = 400;
constexpr std::size_t most_columns = 100;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "spec" for harness/spec/units.hpp, "faults" for faults/x.cpp, "main" for harness/main.cpp.
std::string folder_of(const std::string& path) {
  const std::filesystem::path p(path);
  if (path == "harness/main.cpp") return "main";
  auto part = p.begin();
  if (*part == "harness") ++part;
  return std::next(part) == p.end() ? "" : part->string();
}

struct Include {
  std::size_t line = 0;
  std::string path;
};

// Includes of our own files: the ones in quotes.
std::vector<Include> own_includes(const std::string& text) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::vector<Include> includes;
  const auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, pattern)) includes.push_back({i + 1, match[1]});
  }
  return includes;
}

std::string folder_of_include(const std::string& path) {
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// Faults and probes see the interface they implement and the units, not all that stands beside
// them.
bool beyond_the_interface(const std::string& folder, const std::string& include) {
  if (folder != "faults" && folder != "probes") return false;
  if (include.starts_with("spec/"))
    return include != "spec/units.hpp" && include != "spec/catalogue.hpp" &&
           include != "spec/tolerance.hpp";
  return include == (folder == "faults" ? "kinds/probe.hpp" : "kinds/fault.hpp");
}

bool product_code(const std::string& path) {
  return path.starts_with("harness/") || path.starts_with("faults/") ||
         path.starts_with("probes/") || path.starts_with("lab/");
}

bool is_header(const std::string& path) {
  return path.ends_with(".hpp");
}

std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

bool is_cpp(const std::string& path) {
  return path.ends_with(".cpp") || is_header(path);
}

IncludeRule design_rule() {
  return {
      {"system", {}},
      {"spec", {"system"}},
      {"history", {"spec", "system"}},
      {"analysis", {"spec", "system"}},
      {"importers", {"spec", "system"}},
      {"kinds", {"spec", "system"}},
      {"agent", {"kinds", "spec", "system"}},
      {"verdict", {"history", "kinds", "spec", "system"}},
      {"report", {"verdict", "history", "kinds", "spec", "system"}},
      {"evidence", {"report", "verdict", "spec", "system"}},
      {"lab", {"spec", "system"}},
      {"hosts", {"lab", "agent", "kinds", "spec", "system"}},
      {"control",
       {"hosts", "lab", "agent", "kinds", "history", "analysis", "spec", "verdict", "system"}},
      {"faults", {"kinds", "spec", "system"}},
      {"probes", {"kinds", "spec", "system"}},
      {"cli",
       {"evidence", "report", "control", "hosts", "agent", "kinds", "verdict", "history",
        "analysis", "importers", "spec", "lab", "system"}},
      {"main", {"cli", "faults", "probes", "kinds", "system"}},
  };
}

IncludeRule link_lines(const std::string& cmake) {
  static const std::regex library(R"(nospof_library\(\s*(\S+)\s+LINKS\s+([^)]*)\))");
  static const std::regex word(R"(nospof_(\w+))");
  IncludeRule links;
  for (std::sregex_iterator it(cmake.begin(), cmake.end(), library), end; it != end; ++it) {
    const std::string folder = std::filesystem::path((*it)[1].str()).filename().string();
    const std::string words = (*it)[2];
    links[folder];
    for (std::sregex_iterator w(words.begin(), words.end(), word); w != end; ++w)
      links[folder].insert((*w)[1]);
  }
  return links;
}

std::vector<std::string> check_includes(const SourceFile& file, const IncludeRule& rule) {
  std::vector<std::string> findings;
  if (!product_code(file.path) || !is_cpp(file.path)) return findings;
  const std::string folder = folder_of(file.path);
  const auto allowed = rule.find(folder);
  if (allowed == rule.end())
    return {
        fmt::format("{}:1: the folder '{}' has no line in the include rule", file.path, folder)};
  std::set<std::string> seen;
  for (const Include& include : own_includes(file.text)) {
    const auto find = [&](const std::string& what) {
      findings.push_back(
          fmt::format("{}:{}: includes \"{}\": {}", file.path, include.line, include.path, what));
    };
    const std::string target = folder_of_include(include.path);
    if (!seen.insert(include.path).second)
      find("a second time");
    else if (target.empty() || target == "." || target == "..")
      find("an include names its folder");
    else if (target != folder && !allowed->second.contains(target))
      find(fmt::format("'{}' may not include '{}'", folder, target));
    else if (beyond_the_interface(folder, include.path))
      find("only the interface of its own kind, spec/units.hpp, tolerance.hpp and catalogue.hpp");
  }
  return findings;
}

std::vector<std::string> check_link_lines(const IncludeRule& links, const IncludeRule& rule) {
  std::vector<std::string> findings;
  for (const auto& [folder, linked] : links) {
    const auto allowed = rule.find(folder);
    if (allowed == rule.end()) {
      findings.push_back(
          fmt::format("CMakeLists.txt: '{}' has no line in the include rule", folder));
      continue;
    }
    for (const std::string& target : linked)
      if (!allowed->second.contains(target))
        findings.push_back(fmt::format("CMakeLists.txt: '{}' may not link '{}'", folder, target));
  }
  for (const auto& [folder, ignored] : rule)
    if (folder != "main" && !links.contains(folder))
      findings.push_back(fmt::format("CMakeLists.txt: no nospof_library line for '{}'", folder));
  return findings;
}

std::vector<std::string> check_includes_are_linked(const SourceFile& file,
                                                   const IncludeRule& links) {
  std::vector<std::string> findings;
  const std::string folder = folder_of(file.path);
  if (!product_code(file.path) || !is_cpp(file.path) || !links.contains(folder)) return findings;
  std::set<std::string> reachable{folder};
  std::vector<std::string> open{folder};
  while (!open.empty()) {
    const auto linked = links.find(open.back());
    open.pop_back();
    if (linked == links.end()) continue;
    for (const std::string& target : linked->second)
      if (reachable.insert(target).second) open.push_back(target);
  }
  for (const Include& include : own_includes(file.text))
    if (const std::string target = folder_of_include(include.path); !reachable.contains(target))
      findings.push_back(fmt::format("{}:{}: includes \"{}\", but '{}' does not link '{}'",
                                     file.path, include.line, include.path, folder, target));
  return findings;
}

std::vector<std::string> check_size(const SourceFile& file) {
  std::vector<std::string> findings;
  if (!is_cpp(file.path)) return findings;
  const auto lines = lines_of(file.text);
  if (lines.size() > most_lines)
    findings.push_back(
        fmt::format("{}:{}: a file has at most {} lines", file.path, lines.size(), most_lines));
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (const std::size_t wide = columns(lines[i]); wide > most_columns)
      findings.push_back(fmt::format("{}:{}: {} columns, at most {} are allowed", file.path, i + 1,
                                     wide, most_columns));
  return findings;
}

std::vector<std::string> check_header(const SourceFile& file) {
  std::vector<std::string> findings;
  if (!is_header(file.path)) return findings;
  const auto lines = lines_of(file.text);
  if (std::ranges::find(lines, "#pragma once") == lines.end())
    findings.push_back(fmt::format("{}:1: no #pragma once", file.path));
  const auto comment = std::ranges::find_if(
      lines, [](const std::string& line) { return !line.empty() && line != "#pragma once"; });
  if (comment == lines.end() || !(comment->starts_with("//") || comment->starts_with("/*")))
    findings.push_back(
        fmt::format("{}:1: a header begins with a comment that says what it is", file.path));
  return findings;
}

std::vector<std::string> check_calls(const SourceFile& file) {
  static const std::regex shell(R"(\b(system|popen|wordexp|execlp|execvp)\s*\()");
  std::vector<std::string> findings;
  if (!is_cpp(file.path)) return findings;
  const auto lines = lines_of(code_only(file.text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, shell))
      findings.push_back(
          fmt::format("{}:{}: {}(): programs are started from argv arrays by "
                      "system/process.hpp",
                      file.path, i + 1, match[1].str()));
  }
  return findings;
}

std::vector<std::string> check_for_clang(const SourceFile& file) {
  static const std::regex subrange(
      R"(\branges::(unique|remove|remove_if|rotate|partition|stable_partition|)"
      R"(equal_range|search|find_end)\s*\()");
  std::vector<std::string> findings;
  if (!is_cpp(file.path)) return findings;
  const auto lines = lines_of(code_only(file.text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, subrange))
      findings.push_back(
          fmt::format("{}:{}: ranges::{}(): clang++ 14, which builds the fuzz targets, cannot "
                      "compile what returns a subrange of the library of g++ 12; use std::{}()",
                      file.path, i + 1, match[1].str(), match[1].str()));
  }
  return findings;
}

std::vector<std::string> check_paths(const SourceFile& file) {
  // In pieces, so that this file keeps its own rule.
  static const std::vector<std::string> machine_paths{
      std::string("/wo") + "rk/", std::string("/ho") + "me/", std::string("/Us") + "ers/",
      std::string("/fa") + "rm/", std::string("/tmp/bui") + "ld"};
  std::vector<std::string> findings;
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (const std::string& path : machine_paths) {
      const std::size_t at = lines[i].find(path);
      const bool begins_there =
          at != std::string::npos &&
          (at == 0 || (std::isalnum(static_cast<unsigned char>(lines[i][at - 1])) == 0 &&
                       std::string_view("._-}").find(lines[i][at - 1]) == std::string_view::npos));
      if (begins_there)
        findings.push_back(
            fmt::format("{}:{}: {} exists on one machine only", file.path, i + 1, path));
    }
  return findings;
}

std::string code_only(const std::string& text) {
  std::string out = text;
  enum class In { code, line_comment, block_comment, string, character } in = In::code;
  const auto blank = [&out](std::size_t i) {
    if (out[i] != '\n') out[i] = ' ';
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest(text.data() + i, text.size() - i);
    switch (in) {
      case In::code:
        if (rest.starts_with("R\"")) {
          const std::size_t open = std::min(text.find('(', i), text.size());
          const std::string close =
              ")" + text.substr(std::min(i + 2, open), open - std::min(i + 2, open)) + "\"";
          const std::size_t end = std::min(text.find(close, open), text.size() - 1);
          for (; i < end; ++i) blank(i);
          i = std::min(end + close.size() - 1, text.size() - 1);
        } else if (rest.starts_with("//")) {
          in = In::line_comment;
          blank(i);
        } else if (rest.starts_with("/*")) {
          in = In::block_comment;
          blank(i);
        } else if (text[i] == '"') {
          in = In::string;
        } else if (text[i] == '\'' &&
                   (i == 0 || std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0)) {
          in = In::character;  // after a digit or letter it separates digits
        }
        break;
      case In::line_comment:
        if (text[i] == '\n') in = In::code;
        blank(i);
        break;
      case In::block_comment:
        if (rest.starts_with("*/")) {
          blank(i++);
          in = In::code;
        }
        blank(i);
        break;
      case In::string:
      case In::character:
        if (text[i] == (in == In::string ? '"' : '\'')) {
          in = In::code;
          break;
        }
        if (text[i] == '\\') blank(i++);
        if (i < text.size()) blank(i);
        break;
    }
  }
  return out;
}

std::vector<SourceFile> read_tree(const std::string& root) {
  namespace fs = std::filesystem;
  static const std::set<std::string> not_ours{".git", "build", "runs", "__pycache__", ".cache"};
  std::vector<SourceFile> files;
  fs::recursive_directory_iterator it(root);
  for (; it != fs::end(it); ++it) {
    if (it->is_directory() && not_ours.contains(it->path().filename().string())) {
      it.disable_recursion_pending();
      continue;
    }
    // In a work tree of its own .git is a file.
    if (!it->is_regular_file() || it->path().filename() == ".git") continue;
    std::ifstream in(it->path(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    // A file that goes away meanwhile, or is no text, has no lines to check.
    if (!in || text.str().find('\0') != std::string::npos) continue;
    files.push_back({fs::relative(it->path(), root).generic_string(), text.str()});
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

}  // namespace nospof::tidy
