#include "cli/terminal.hpp"

#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "spec/units.hpp"

namespace nospof::cli {

namespace {
std::string human(std::int64_t ns) {
  return spec::human_duration(spec::Duration(ns));
}
}  // namespace

Terminal::Terminal(JudgeCell judge_cell, std::FILE* out)
    : judge_cell_(std::move(judge_cell)), out_(out), live_(::isatty(::fileno(out)) == 1) {}

Terminal::~Terminal() {
  clear_line();
}

void Terminal::clear_line() {
  if (line_shown_) fmt::print(out_, "\r\x1b[K");
  line_shown_ = false;
}

void Terminal::note(const std::string& line) {
  clear_line();
  fmt::print(out_, "{}\n", line);
  std::fflush(out_);
}

void Terminal::cell(const control::CellProgress& progress) {
  if (!live_) return;
  std::string outage;
  if (progress.failed > 0)
    outage = fmt::format("  {} of {} failed, outage so far {}", progress.failed, progress.sent,
                         human(progress.longest_outage_ns));
  going_on_[progress.lab] =
      fmt::format("[{}/{}] {}  {} {}{}", progress.number, progress.total, progress.cell,
                  progress.phase, human(progress.elapsed_ns), outage);
  fmt::print(out_, "\r\x1b[K");
  bool first = true;
  for (const auto& [lab, text] : going_on_)
    fmt::print(out_, "{}{}", std::exchange(first, false) ? "" : "  |  ", text);
  std::fflush(out_);
  line_shown_ = true;
}

void Terminal::cell_done(const control::CellSummary& summary) {
  clear_line();
  going_on_.erase(summary.lab);
  const std::string verdict = judge_cell_ ? judge_cell_(summary) : summary.detail;
  fmt::print(out_, "[{}/{}] {:<36} {}  ({})\n", summary.number, summary.total, summary.cell,
             verdict, human(summary.elapsed_ns));
  std::fflush(out_);
}

}  // namespace nospof::cli
