#pragma once
// Verbs that look at a file and start nothing: analyze (cli/analyze.hpp), plan, compare, import.
// Bad input is thrown as for all verbs.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kinds/registry.hpp"

namespace CLI {
class App;
}

namespace nospof::cli {

struct PlanArguments {
  std::string topology_file;
  std::string out;  ///< file for the plan as JSON; empty: none
  bool json = false;
};
int plan_command(const PlanArguments& arguments, const kinds::Registry& registry);

struct CompareArguments {
  std::string a, b;  ///< topology files
  double years = 5;  ///< over which what is paid once is spread
  bool json = false;
};
int compare_command(const CompareArguments& arguments);

struct ImportArguments {
  std::string file;
  std::string from;  ///< compose, ansible, containerlab
  std::string out;   ///< empty: standard output
};
int import_command(const ImportArguments& arguments);

/// Adds these verbs; `chosen` becomes what was called.
void add_stack_verbs(CLI::App& app, std::function<int()>& chosen, const kinds::Registry& registry);

}  // namespace nospof::cli
