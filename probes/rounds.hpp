#pragma once
// What probes that look have in common: rounds on a schedule, and what lasts from one to the next.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kinds/probe.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

/// Calls `round` at once and then every `every`, counted from the first one, until `stop_fd` is
/// readable or `round` returns false. A round that takes longer delays the next one; those that
/// became due meanwhile are left out.
void run_rounds(int stop_fd, Nanoseconds every, const std::function<bool()>& round);

/// Now, as findings and rounds tell it: CLOCK_MONOTONIC nanoseconds.
std::int64_t monotonic_ns();

/// A look: what it saw was so at some moment between these, CLOCK_MONOTONIC nanoseconds.
struct LookSpan {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

/// Tells what a probe looks at, and of each entry once that a look has decided it.
class Decisions {
 public:
  /// Tells all of them; `sink` is used as long as this lives.
  Decisions(const std::vector<kinds::Expectation>& all, kinds::SampleSink& sink);
  void decided(std::size_t place);
  bool all_decided() const { return std::ranges::all_of(known_, std::identity()); }
  /// What was decided since the last call, if anything.
  void tell();

 private:
  kinds::SampleSink& sink_;
  std::vector<bool> known_;
  std::vector<std::size_t> news_;
};

/// Something that may be so or not, look after look; told when it begins and when it is over.
class Watched {
 public:
  Watched(std::string what, std::string subject, bool violation)
      : what_(std::move(what)), subject_(std::move(subject)), violation_(violation) {}

  /// What a conclusive look has shown. `since_ns` of the finding is the beginning of the conclusive
  /// look before; 0 when there was none.
  void saw(bool so, LookSpan look, const std::string& detail, kinds::SampleSink& sink);
  /// It was told, and is not over.
  bool so() const { return so_; }

 private:
  std::string what_;
  std::string subject_;
  bool violation_;
  bool so_ = false;
  std::int64_t last_begin_ns_ = 0;
};

}  // namespace nospof::probes
