#pragma once
// Writes a run's folder as things happen: events.ndjson, samples and histories
// (docs/run-directory.md is the format).

#include <memory>
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
class Recorder {
 public:
  /// Makes <root>/<name>/<UTC time>/ (with a suffix when that exists) and opens the files in it.
  Recorder(const std::string& root, const std::string& name, const Clock& clock);

  const std::string& folder() const { return folder_; }

  /// Adds "t", "mono_ns" and "event" to the fields.
  void event(std::string_view type, json::object fields);

  /// Opens samples/https.bin, unless it is open; before the first add_sample().
  void open_samples(Nanoseconds period);
  void add_sample(const kinds::Sample& sample);
  void flush_samples();

  /// Files for one more start of a ledger probe: ledger.jsonl, ledger-2.jsonl, and so on.
  HistoryFiles begin_history();

 private:
  const Clock* clock_;
  std::string folder_;
  UniqueFd events_;
  std::unique_ptr<kinds::SampleFileWriter> samples_;
  int histories_ = 0;
};

}  // namespace nospof::control
