#pragma once
// samples/<probe>.bin of a run's folder; docs/run-directory.md is the format.

#include <iosfwd>
#include <string>
#include <vector>

#include "kinds/sample.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"

namespace nospof::kinds {

/// Writes one sample file. Every write ends at a whole record: a write that fails half-way is taken
/// back, so that only a killed machine can leave a torn record, and only as the last one.
/// Not for several threads at once.
class SampleFileWriter {
 public:
  /// Creates the file and writes its header; throws SystemError naming the path, also when the file
  /// exists already (samples are never overwritten). `wall_minus_mono` is CLOCK_REALTIME minus
  /// CLOCK_MONOTONIC of the vantage host.
  SampleFileWriter(std::string path, Nanoseconds period, Nanoseconds wall_minus_mono);
  /// Flushes what it can; call flush() first to learn of errors.
  ~SampleFileWriter();
  SampleFileWriter(const SampleFileWriter&) = delete;
  SampleFileWriter& operator=(const SampleFileWriter&) = delete;

  /// Kept in memory until flush(), or until 1,000 samples are waiting.
  void add(const Sample& sample);
  /// Throws SystemError naming the path; the samples then stay waiting.
  void flush();

 private:
  std::string path_;
  UniqueFd fd_;
  std::string waiting_;
  std::int64_t size_ = 0;  ///< of the file: header and whole records
};

/// A sample file, read whole.
struct SampleFile {
  Nanoseconds period{};
  Nanoseconds wall_minus_mono{};
  std::vector<Sample> samples;  ///< in the order of completion
  bool torn = false;            ///< a last, incomplete record was ignored
};

/// Throws SystemError when it cannot be read, and Error naming the path and what is wrong when it
/// is not a sample file of this format.
SampleFile read_sample_file(const std::string& path);

/// One line per sample under a header line: times in nanoseconds as in the file, the wall-clock
/// time of the schedule as UTC text, the outcome by name.
void write_csv(const SampleFile& file, std::ostream& out);

}  // namespace nospof::kinds
