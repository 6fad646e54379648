#pragma once
// Writes a run's folder as things happen: events.ndjson, samples and histories
// (docs/run-directory.md is the format).

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "control/history_files.hpp"
#include "kinds/sample_file.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"

namespace nospof::control {

namespace json = boost::json;

/// Appends to one run's folder. Every event is written with one write(2), so that a killed run
/// leaves at most one torn line. Throws SystemError naming the file.
///
/// A run in several labs has a recorder for each: their events go into the same file and say which
/// lab they are of, their samples into files of their own. Each may be used by a thread of its own.
class Recorder {
 public:
  /// Makes <root>/<name>/<UTC time>/ (with a suffix when that exists) and opens the files in it.
  Recorder(const std::string& root, const std::string& name, const Clock& clock);

  /// For what happens in that lab of the same run, from 1.
  Recorder in_lab(int lab) const;

  const std::string& folder() const { return run_->folder; }

  /// Adds "t", "mono_ns" and "event" to the fields, and "lab". Throws SystemError when it cannot be
  /// written, which trouble() remembers: whoever goes on all the same has an incomplete record.
  void event(std::string_view type, json::object fields);
  /// Why an event of the run, of whichever lab, is not in the record; empty: all are.
  std::string trouble() const;

  /// Opens samples/https.bin (of the second lab https-2.bin, and so on), unless it is open; before
  /// the first add_sample().
  void open_samples(Nanoseconds period);
  void add_sample(const kinds::Sample& sample);
  void flush_samples();

  /// Files for one more start of a ledger probe: ledger.jsonl, ledger-2.jsonl, and so on.
  HistoryFiles begin_history();

 private:
  struct Run {
    const Clock& clock;
    std::string folder = {};
    UniqueFd events = {};
    int histories = 0;
    std::string trouble = {};
    std::mutex mutex = {};  // for the three above, and the order of events
  };

  explicit Recorder(std::shared_ptr<Run> run, int lab) : run_(std::move(run)), lab_(lab) {}

  std::shared_ptr<Run> run_;
  int lab_ = 0;  // 0: the run as a whole
  std::unique_ptr<kinds::SampleFileWriter> samples_;
};

}  // namespace nospof::control
