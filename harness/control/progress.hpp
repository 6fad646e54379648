#pragma once
// What the controller tells whoever watches; how it is shown is the CLI's business.

#include <cstdint>
#include <string>

namespace nospof::control {

/// Where a cell is. Called about four times a second while something goes on.
struct CellProgress {
  std::size_t number = 0;  ///< from 1
  std::size_t total = 0;
  std::string cell;
  std::string phase;
  std::int64_t elapsed_ns = 0;         ///< since the cell began
  std::int64_t longest_outage_ns = 0;  ///< so far, lower bound
  std::uint64_t failed = 0;
  std::uint64_t sent = 0;
  int lab = 1;  ///< the number of its lab, from 1
};

/// How a cell ended.
struct CellSummary {
  std::size_t number = 0;
  std::size_t total = 0;
  std::string cell;
  std::string folder;  ///< of the run: events and samples of the cell are there
  std::string detail;  ///< what the controller has to say of it; mostly empty
  std::int64_t elapsed_ns = 0;
  int lab = 1;
};

/// Called by one thread at a time.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void note(const std::string& line) = 0;
  virtual void cell(const CellProgress& progress) = 0;
  virtual void cell_done(const CellSummary& summary) = 0;
};

}  // namespace nospof::control
