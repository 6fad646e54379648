#include "analysis/certificate.hpp"

#include <numeric>

#include "analysis/propagation.hpp"
#include "system/check.hpp"

namespace nospof::analysis {

namespace {

/// Makes sets of events that may all fail at the same time.
class Certifying {
 public:
  Certifying(const FaultTree& tree, const CertificateOptions& options)
      : tree_(tree), state_(tree), names_left_(options.names) {
    certificate_.tree = tree.name();
  }

  Certificate run() {
    if (state_.top_occurs())
      throw Error("fault tree '" + tree_.name() +
                  "': its top event occurs though nothing failed; there is nothing to certify");
    std::vector<NodeId> open = others();
    while (!open.empty()) open = avoid_some(open);
    return std::move(certificate_);
  }

 private:
  bool may_fail(NodeId event) {
    const std::size_t mark = state_.mark();
    state_.fail(event);
    if (!state_.top_occurs()) return true;
    state_.undo(mark);
    return false;
  }

  // Far from each other in the tree, so that one set can avoid events of many places.
  std::vector<NodeId> others() {
    std::vector<NodeId> sorted;
    for (NodeId event = 0; event < tree_.events(); ++event) {
      const std::size_t mark = state_.mark();
      if (may_fail(event))
        sorted.push_back(event);
      else
        certificate_.single_points.push_back(tree_.name_of(event));
      state_.undo(mark);
    }
    const std::size_t count = sorted.size();
    std::size_t stride = count * 5 / 8 + 1;
    while (std::gcd(stride, count) > 1) ++stride;
    std::vector<NodeId> spread(count);
    for (std::size_t i = 0; i < count; ++i) spread[i] = sorted[i * stride % count];
    return spread;
  }

  // One path set more; gives back what it does not avoid.
  std::vector<NodeId> avoid_some(const std::vector<NodeId>& open) {
    constexpr std::size_t most_in_vain = 64;
    PathSet set;
    std::vector<bool> failed(tree_.events());
    std::vector<NodeId> left;
    std::size_t in_vain = 0;
    for (const NodeId event : open) {
      if (in_vain < most_in_vain && may_fail(event)) {
        set.avoids.push_back(tree_.name_of(event));
        failed[event] = true;
        in_vain = 0;
      } else {
        ++in_vain;
        left.push_back(event);
      }
    }
    write_out(set, failed);
    state_.undo(0);
    certificate_.path_sets.push_back(std::move(set));
    return left;
  }

  void write_out(PathSet& set, std::vector<bool>& failed) {
    if (names_left_ < tree_.events()) {
      names_left_ = 0;
      return;
    }
    names_left_ -= tree_.events();
    set.works.emplace();
    for (NodeId event = 0; event < tree_.events(); ++event)
      if (!failed[event] && !may_fail(event)) set.works->push_back(tree_.name_of(event));
  }

  const FaultTree& tree_;
  Propagation state_;
  std::size_t names_left_;
  Certificate certificate_;
};

}  // namespace

Certificate certify(const FaultTree& tree, const CertificateOptions& options) {
  if (!tree.coherent())
    throw Error("fault tree '" + tree.name() +
                "' is not coherent (it has not, xor or iff gates): path sets are not defined for "
                "it");
  return Certifying(tree, options).run();
}

}  // namespace nospof::analysis
