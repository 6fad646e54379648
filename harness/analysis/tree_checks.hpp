#pragma once
// What can be wrong with what a TreeBuilder collected. Internal to analysis.

#include <string>
#include <vector>

#include "analysis/fault_tree.hpp"
#include "spec/problems.hpp"

namespace nospof::analysis {

class TreeChecks {
 public:
  explicit TreeChecks(TreeBuilder& builder) : builder_(builder) {}

  /// All that is said about what was collected; throws spec::SpecError.
  void before_splitting();
  /// Names of groups that are names of something else as well; throws spec::SpecError.
  void after_splitting();

 private:
  using Entry = TreeBuilder::Entry;

  void add(Mark mark, std::string message);
  void check_event(const Entry& entry);
  void check_gate(Entry& entry);
  void check_arguments(Entry& entry);
  void check_names();
  void check_groups();
  void check_group(const TreeBuilder::Group& group, std::vector<std::uint32_t>& member_of);
  void check_cycles();
  void report_cycle(const std::vector<std::uint32_t>& cycle);
  std::string describe(const Entry& entry) const;
  std::vector<std::string> defined_names() const;

  TreeBuilder& builder_;
  spec::Problems problems_;
};

}  // namespace nospof::analysis
