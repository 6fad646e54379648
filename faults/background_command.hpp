#pragma once
// A command that is run without waiting for it.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof::faults {

/// Ends (SIGKILL) with this object and with the process that started it. Output is taken as it
/// comes; what is beyond 4 KiB is thrown away.
class BackgroundCommand {
 public:
  /// Throws when it can't be started.
  BackgroundCommand(const std::vector<std::string>& argv, std::chrono::milliseconds at_most);
  /// Its result, once it has ended or its time is over.
  std::optional<CommandResult> advance();

 private:
  void drain();

  UniqueFd output_;
  Child child_;
  std::chrono::steady_clock::time_point end_;
  CommandResult result_;
};

/// "ended with 1: no such table", for evidence: code and first line of output.
std::string describe(const CommandResult& result);

}  // namespace nospof::faults
