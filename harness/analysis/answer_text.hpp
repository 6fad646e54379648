#pragma once
// An answer for people and for programs. docs/analysis.md lists the fields.

#include <string>

#include <boost/json.hpp>

#include "analysis/answer.hpp"

namespace nospof::analysis {

struct AnswerShown {
  unsigned order = 2;         ///< orders listed and counted up to this one
  bool total = false;         ///< also how many there are of any order
  std::size_t listed = 1000;  ///< sets of one order written out at most
};

/// 0: no single point of failure. 1: there are some (or the top event occurs though nothing
/// failed). 3: the engines contradict each other.
int exit_code(const Answer& answer);

std::string answer_text(const FaultTree& tree, const Answer& answer, const AnswerShown& shown);
boost::json::object answer_json(const FaultTree& tree, const Answer& answer,
                                const AnswerShown& shown);

}  // namespace nospof::analysis
