#pragma once
// A tree as decision diagrams, one per module: for the one around it, a module is a variable.
// Internal to analysis.

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/bdd.hpp"
#include "analysis/logic.hpp"
#include "analysis/zbdd.hpp"

namespace nospof::analysis {

struct Compiled {
  /// An event, or the module of that number.
  struct Variable {
    bool module = false;
    std::uint32_t index = 0;
  };
  struct Module {
    Ref function = 0;  ///< in bdd
    Ref from = 2;      ///< its nodes are from here on
    Ref cut_sets = 0;  ///< in zbdd; only of coherent trees
    Ref cut_sets_from = 2;
    Level first = 0;  ///< its variables have the levels from here to `end`
    Level end = 0;
  };

  explicit Compiled(std::size_t most_nodes) : bdd(most_nodes), zbdd(most_nodes) {}

  std::optional<bool> constant;  ///< the tree is that and there are no modules
  std::vector<Variable> by_level;
  std::vector<Module> modules;  ///< inner ones before those around them; the tree is the last one
  std::vector<std::uint32_t> module_of;  ///< of an event; no_module when it is in none
  std::vector<std::uint32_t> around;     ///< the module around a module; no_module for the last
  std::vector<Level> level_of_event;
  std::vector<Level> level_of_module;
  Bdd bdd;
  Zbdd zbdd;
};

constexpr std::uint32_t no_module = 0xffffffff;

/// Throws TooLarge. Tries several orders of variables before it does. Needs a deep stack.
Compiled compile(const FaultTree& tree, bool cut_sets, std::size_t most_nodes);

}  // namespace nospof::analysis
