#pragma once
// Collects what is wrong while files are read, and words it. Internal to spec.

#include <string>
#include <string_view>
#include <vector>

#include "spec/reader.hpp"

namespace nospof::spec {

/// Every problem found so far; reading goes on after each of them.
class Problems {
 public:
  /// More than this many help nobody; what comes after is counted only.
  static constexpr std::size_t most = 100;

  void add(const std::string& file, Mark mark, std::string message);
  bool empty() const { return problems_.empty(); }
  std::size_t size() const { return problems_.size() + left_out_; }
  /// Throws SpecError with all of them, sorted by place within each file; returns when there are
  /// none.
  void raise() const;

 private:
  std::vector<Problem> problems_;
  std::size_t left_out_ = 0;
};

/// In quotes, fit for a terminal: control characters as \xNN, long texts cut.
std::string quote(std::string_view text);

/// "; did you mean 'x'?" for the nearest candidate, or nothing when none is near.
std::string did_you_mean(std::string_view found, const std::vector<std::string>& candidates);

/// "a, b or c"; "none" for an empty list.
std::string either(const std::vector<std::string>& items);

}  // namespace nospof::spec
