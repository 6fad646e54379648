#include "analysis/full_set.hpp"

#include <algorithm>
#include <charconv>

#include <boost/multiprecision/cpp_int.hpp>

#include "analysis/compiled.hpp"
#include "analysis/deep_stack.hpp"
#include "analysis/too_large.hpp"

namespace nospof::analysis {

namespace {

using Large = boost::multiprecision::cpp_int;

struct Overflow {};

/// A number that throws Overflow instead of wrapping: most counts fit, and then need no more.
struct Small {
  std::uint64_t value = 0;
  explicit Small(std::uint64_t number = 0) : value(number) {}
  Small& operator+=(const Small& other) {
    if (__builtin_add_overflow(value, other.value, &value)) throw Overflow();
    return *this;
  }
  friend Small operator*(const Small& left, const Small& right) {
    Small product;
    if (__builtin_mul_overflow(left.value, right.value, &product.value)) throw Overflow();
    return product;
  }
  bool is_zero() const { return value == 0; }
  std::string str() const { return std::to_string(value); }
};

template <typename Number>
using ByOrder = std::vector<Number>;  // how many sets, by order

/// How many sets there are of each order up to `most`; `folded`: all orders count as 0.
template <typename Number>
class Counting {
 public:
  Counting(const Compiled& compiled, unsigned most, bool folded)
      : compiled_(compiled), width_(most + 1), folded_(folded) {}

  ByOrder<Number> run() {
    for (const Compiled::Module& module : compiled_.modules) count_module(module);
    return modules_.back();
  }

 private:
  // What the sets that a variable is in are multiplied with.
  void multiply_add(const Number* sets, const Compiled::Variable& variable, Number* into) const {
    if (!variable.module) {
      const unsigned step = folded_ ? 0 : 1;
      for (unsigned order = 0; order + step < width_; ++order) into[order + step] += sets[order];
      return;
    }
    const ByOrder<Number>& inner = modules_[variable.index];
    for (unsigned left = 0; left < width_; ++left) {
      if (sets[left].is_zero()) continue;
      for (unsigned right = 0; left + right < width_; ++right)
        if (!inner[right].is_zero()) into[left + right] += Number(sets[left] * inner[right]);
    }
  }

  void count_module(const Compiled::Module& module) {
    const Diagram& diagram = compiled_.zbdd.nodes();
    const Ref from = module.cut_sets_from;
    const std::vector<Ref> below = diagram.below(module.cut_sets, from);
    std::vector<Number> counts(module.cut_sets <= 1 ? 0 : (module.cut_sets - from + 1) * width_);
    std::vector<Number> none(width_);
    std::vector<Number> empty(width_);
    empty[0] = Number(1);
    const auto of = [&](Ref node) -> Number* {
      if (node <= 1) return node == 0 ? none.data() : empty.data();
      return counts.data() + std::size_t{node - from} * width_;
    };
    for (const Ref node : below) {
      std::copy_n(of(diagram[node].low), width_, of(node));
      multiply_add(of(diagram[node].high), compiled_.by_level[diagram[node].level], of(node));
    }
    modules_.emplace_back(of(module.cut_sets), of(module.cut_sets) + width_);
  }

  const Compiled& compiled_;
  std::size_t width_;
  bool folded_;
  std::vector<ByOrder<Number>> modules_;
};

std::vector<Count> counts(const Compiled& compiled, unsigned most, bool folded) {
  std::vector<Count> result;
  try {
    for (const Small& count : Counting<Small>(compiled, most, folded).run())
      result.emplace_back(count.str());
  } catch (const Overflow&) {
    result.clear();
    for (const Large& count : Counting<Large>(compiled, most, folded).run())
      result.emplace_back(count.str());
  }
  return result;
}

}  // namespace

std::optional<std::uint64_t> Count::number() const {
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits_.data(), digits_.data() + digits_.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

FullSet::FullSet(const FaultTree& tree, const DiagramLimits& limits)
    : tree_(tree), limits_(limits) {
  const bool cut_sets = tree.coherent();
  run_on_deep_stack(tree.nodes(), [&] {
    compiled_ = std::make_unique<Compiled>(compile(tree, cut_sets, limits.nodes));
  });
}

FullSet::~FullSet() = default;
FullSet::FullSet(FullSet&&) noexcept = default;

const Compiled& FullSet::coherent() const {
  if (!tree_.coherent())
    throw Error("fault tree '" + tree_.name() +
                "' is not coherent (it has not, xor or iff gates): minimal cut sets are not "
                "defined for it");
  return *compiled_;
}

Count FullSet::total() const {
  const Compiled& compiled = coherent();
  if (compiled.constant) return Count(*compiled.constant ? 1 : 0);
  return counts(compiled, 0, true).front();
}

std::vector<Count> FullSet::by_order(unsigned most) const {
  const Compiled& compiled = coherent();
  if (!compiled.constant) return counts(compiled, most, false);
  std::vector<Count> none(most + 1);
  if (*compiled.constant) none[0] = Count(1);
  return none;
}

std::size_t FullSet::nodes() const {
  return compiled_->bdd.nodes().size() + compiled_->zbdd.nodes().size();
}

}  // namespace nospof::analysis
