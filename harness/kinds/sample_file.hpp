#pragma once
// samples/<probe>.bin of a run's folder; docs/run-directory.md is the format.

#include <optional>
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

/// Reads a sample file one record after another: its memory does not grow with the file.
class SampleFileReader {
 public:
  /// Throws SystemError when it cannot be read, and Error naming the path and what is wrong when it
  /// is not a sample file of this format.
  explicit SampleFileReader(std::string path);

  Nanoseconds period() const { return period_; }
  /// CLOCK_REALTIME minus CLOCK_MONOTONIC when the file was begun.
  Nanoseconds wall_minus_mono() const { return wall_minus_mono_; }
  /// In the order of completion; none at the end. Throws as the constructor does.
  std::optional<Sample> next();
  /// At the end: a last, incomplete record was left out.
  bool torn() const { return torn_; }

 private:
  void fill(std::size_t wanted);

  std::string path_;
  UniqueFd fd_;
  std::string ahead_;  // read and not yet given, from used_ on
  std::size_t used_ = 0;
  std::size_t records_ = 0;
  Nanoseconds period_{};
  Nanoseconds wall_minus_mono_{};
  bool torn_ = false;
};

/// A sample file, read whole.
struct SampleFile {
  Nanoseconds period{};
  Nanoseconds wall_minus_mono{};
  std::vector<Sample> samples;  ///< in the order of completion
  bool torn = false;            ///< a last, incomplete record was left out
};
/// Throws as SampleFileReader does.
SampleFile read_sample_file(const std::string& path);

/// The line above those of csv_line(), and the line of one sample: times in nanoseconds as in the
/// file, latency from the schedule, service time from the beginning, and the schedule's wall-clock
/// time as UTC text (empty when `wall_minus_mono` is 0: unknown), and the name of the probe, which
/// is the file's without its ending.
std::string csv_header();
std::string csv_line(const Sample& sample, Nanoseconds wall_minus_mono, std::string_view probe);

}  // namespace nospof::kinds
