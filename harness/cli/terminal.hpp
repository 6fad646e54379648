#pragma once
// Shows a run as it goes: a live line per cell on a terminal, plain lines otherwise.

#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "control/progress.hpp"

namespace nospof::cli {

class Terminal final : public control::Watcher {
 public:
  /// `judge_cell` turns an ended cell into "pass  outage 0.2 s..0.3 s, 4 of 210 failed" for its
  /// line.
  using JudgeCell = std::function<std::string(const control::CellSummary&)>;
  explicit Terminal(JudgeCell judge_cell = {}, std::FILE* out = stdout);
  ~Terminal() override;

  void note(const std::string& line) override;
  void cell(const control::CellProgress& progress) override;
  void cell_done(const control::CellSummary& summary) override;

 private:
  void clear_line();
  JudgeCell judge_cell_;
  std::FILE* out_;
  bool live_;
  bool line_shown_ = false;
  std::map<int, std::string> going_on_;  // by lab
};

}  // namespace nospof::cli
