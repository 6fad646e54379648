#pragma once
// Writes a history in the formats that are read back the same (docs/history.md): operations, their
// order, outcomes and times; not the lines they stood in.

#include <string>

#include "history/history.hpp"

namespace nospof::history {

/// Jepsen's EDN, a map a line: {:process 0, :type :invoke, :f :write, :value 3, :time 12}. The
/// key of a register becomes a tuple, :value [k 3]; of a ledger's read a field of its own, :key 7.
std::string edn_text(const History& history);
/// JSON lines: {"process":0,"type":"invoke","f":"write","key":"k","value":3,"time_ns":12}.
std::string json_lines(const History& history);

/// One line of these, with its end: an operation's invocation, or its return.
enum class Half { invocation, completion };
std::string edn_line(const Operation& operation, Half half, Model model);
std::string json_line(const Operation& operation, Half half, Model model);

}  // namespace nospof::history
