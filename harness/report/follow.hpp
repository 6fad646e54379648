#pragma once
// A run that still goes on, read again and again.

#include <cstdint>
#include <string>

#include "verdict/record.hpp"

namespace nospof::report {

/// Reads only what has come since it was asked before.
class RunFollower {
 public:
  explicit RunFollower(std::string run_folder);

  /// What load_events() gives now. Throws as it does.
  verdict::RunRecord events();
  /// What load_without_histories() gives now. Throws as it does.
  verdict::RunRecord record();

 private:
  std::string folder_;
  std::int64_t read_ = 0;  ///< bytes of events.ndjson, all of whole lines
  int lines_ = 0;
  verdict::RunRecord run_;  ///< with times as the events have them
};

}  // namespace nospof::report
