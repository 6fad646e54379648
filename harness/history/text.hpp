#pragma once
// A judgement for people and for programs.

#include <string>

#include <boost/json.hpp>

#include "history/judge.hpp"

namespace nospof::history {

/// Several lines, the first "FILE: not linearizable (register, 81 operations, ...)"; of each
/// violation its operations with client, time and where in the file they stand.
std::string judgement_text(const std::string& file, const History& history,
                           const Judgement& judgement);

/// docs/history.md lists the fields.
boost::json::object judgement_json(const std::string& file, const History& history,
                                   const Judgement& judgement);

}  // namespace nospof::history
