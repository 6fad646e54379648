#pragma once
// Findings that last: told when they begin to be so and when they no longer are. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kinds/finding.hpp"

namespace nospof::probes {

/// When something was looked at: the truth that was seen lies between these moments.
struct LookTime {
  std::int64_t asked_ns = 0;     ///< CLOCK_MONOTONIC nanoseconds
  std::int64_t answered_ns = 0;  ///< the same
};

/// All findings of one class, followed from look to look.
class LastingFindings {
 public:
  /// `told_after_ns`: one that lasts less is not told at all.
  LastingFindings(std::string what, bool violation, std::int64_t told_after_ns = 0)
      : what_(std::move(what)), violation_(violation), told_after_ns_(told_after_ns) {}

  /// What is so by this look (subject to detail), completely; returns what there is to tell.
  std::vector<kinds::Finding> look(const std::map<std::string, std::string>& seen, LookTime time);
  /// A look that told nothing: what was not told yet has to last anew before it is.
  void unknown();

 private:
  struct Lasting {
    std::int64_t at_ns = 0;
    std::int64_t since_ns = 0;
    std::int64_t asked_ns = 0;   ///< of the last look that saw it
    std::int64_t steady_ns = 0;  ///< seen by every look since; 0: by none
    std::string detail;
    bool told = false;
  };

  std::string what_;
  bool violation_;
  std::int64_t told_after_ns_;
  std::int64_t last_asked_ns_ = 0;
  std::map<std::string, Lasting> lasting_;
};

}  // namespace nospof::probes
