#pragma once
// A tolerance held against a measured figure that is known only as an interval.

#include <optional>
#include <string>

#include "verdict/judge.hpp"

namespace nospof::verdict {

/// A figure in its own measure (seconds, a fraction or a count) with its uncertainty.
struct Observed {
  double low = 0;
  double high = 0;  ///< infinity: open-ended
};

/// Pass when the tolerance holds for every value of the interval, fail when it holds for none.
Verdict hold_against(const spec::Tolerance& tolerance, const Observed& observed);

/// From the figures of a judged cell; none without data.
std::optional<Observed> observe(const spec::Hypothesis& hypothesis, const CellResult& cell);
std::string observed_text(spec::Figure figure, const std::optional<Observed>& observed);

HypothesisResult check_hypothesis(const spec::Hypothesis& hypothesis, const CellResult& cell);

}  // namespace nospof::verdict
