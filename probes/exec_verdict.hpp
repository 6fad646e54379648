#pragma once
// The configuration of the exec probe, and what a command's end makes of it; exec.hpp documents
// both.

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "probes/outcomes.hpp"
#include "probes/pace.hpp"
#include "spec/tolerance.hpp"

namespace nospof::probes {

struct ExecConfig {
  std::vector<std::string> argv;
  int expect_exit = 0;
  std::string field;
  std::optional<spec::Tolerance> expect;  ///< of the field; nothing: the exit code decides alone
  Pace pace;
};

/// Throws Error naming the key, what stood there and what is expected.
ExecConfig parse_exec_config(const boost::json::object& json);
/// The defaults of the exec probe's pace.
Pace exec_pace();

constexpr std::size_t exec_output_limit = std::size_t{1024} * 1024;

/// What a command that ended in time is; `ok` when it is right, however late. `wait_status` as of
/// waitpid(2); an output beyond the limit is more than may be read of it.
Failure judge_command(const ExecConfig& config, int wait_status, const std::string& output);

}  // namespace nospof::probes
