#pragma once
// Tolerances: "<= 3", "between 1 and 5", of whatever is measured.

#include <functional>
#include <string>
#include <string_view>

namespace nospof::spec {

enum class Comparator { less, less_equal, equal, greater_equal, greater, between };

/// The bounds are in the measure of what is compared.
struct Tolerance {
  Comparator comparator = Comparator::less_equal;
  double low = 0;    ///< the value; for between the lower bound
  double high = 0;   ///< for between the upper bound
  std::string text;  ///< as written
  /// Never for a value that is not a number.
  bool holds(double value) const;
};

std::string comparator_text(Comparator comparator);  ///< "<="

/// Reads a comparator and its one or two bounds; `parse_bound` reads one, and throws Error when it
/// is none. Throws Error that says what is wrong and what is accepted.
Tolerance parse_tolerance(std::string_view text,
                          const std::function<double(std::string_view)>& parse_bound);

/// Of plain numbers: "<= 3", "> -0.5", "between 1e3 and 2e3".
Tolerance parse_number_tolerance(std::string_view text);

}  // namespace nospof::spec
