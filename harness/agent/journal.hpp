#pragma once
// The journal of one agent: undo records on disk, so that somebody can still take back what agent
// and understudy can no longer.
//
// One JSON object a line, appended and flushed to the disk:
//   {"holder":{"pid":n,"start_time":n,"boot_id":"..","pid_namespace":n,"init_start_time":n},
//    "host":"..",..}
//   {"undo":n,"injection":"..","record":{..},..}
//   {"done":n,"by":"agent|understudy|recover|void","changed":bool,"detail":"..",..}
//   {"failed":n,"by":..,"detail":"..",..}
// Every line also has "mono_ns" and "wall" (UTC). A record is open until its "done".

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "agent/undo.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof::agent {

/// Who a journal belongs to, and when that was. Processes of another boot are other processes.
struct Holder {
  ProcessId process;
  std::string boot_id;  ///< of the machine's kernel
  std::uint64_t pid_namespace =
      0;  ///< inode; the kernel gives numbers of dead namespaces out again
  std::uint64_t init_start_time = 0;  ///< of pid 1 in that namespace; 0: unknown

  bool same_boot(const Holder& other) const {
    return boot_id == other.boot_id && pid_namespace == other.pid_namespace &&
           init_start_time == other.init_start_time;
  }
};

/// The calling process, here and now.
Holder this_holder();

struct OpenRecord {
  std::int64_t number = 0;
  std::string injection;
  kinds::UndoRecord record;
};

struct JournalContent {
  std::string host;
  std::optional<Holder> holder;
  std::vector<OpenRecord> open;  ///< in the order in which they were written
  std::int64_t last_number = 0;
  std::size_t unreadable = 0;  ///< whole lines that are no journal lines
  bool torn = false;  ///< the last line has no end: its writer died, and its change was not made
};

/// Pure. Never throws: what cannot be read is counted.
JournalContent parse_journal(std::string_view text);

/// As it is written, with the newline. Throws Error when it could not be read again (it is nested
/// too deep, or has a number that is not finite, which is no JSON): what cannot be read is never
/// undone.
std::string journal_line(const boost::json::object& line);

/// The open and locked file. The lock belongs to the open file description: it lasts as long as any
/// process that inherited it lives. Errors are SystemErrors naming the file.
class Journal {
 public:
  /// Opens (creates) and locks; waits at most that long for the lock. Nothing: somebody else has
  /// it.
  static std::optional<Journal> lock(const std::string& path, std::chrono::milliseconds at_most,
                                     const Clock& clock);
  /// What stands in a file now, locked or not; empty when there is none.
  static JournalContent peek(const std::string& path);

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  JournalContent read() const;

  /// Empties it (nothing may be open) and writes the first line.
  void begin(const std::string& host, const Holder& holder);
  /// Returns once the record is on the disk.
  OpenRecord add(const std::string& injection, kinds::UndoRecord record);
  /// Never throw: what was undone is undone, also when the disk is full.
  void settle(std::int64_t number, std::string_view by, const UndoResult& result) noexcept;

 private:
  Journal(UniqueFd fd, std::string path, const Clock& clock)
      : fd_(std::move(fd)), path_(std::move(path)), clock_(&clock) {}
  void append(boost::json::object line);

  UniqueFd fd_;
  std::string path_;
  const Clock* clock_;
  std::int64_t last_number_ = 0;
  bool torn_ = false;  ///< the file does not end with a whole line
};

}  // namespace nospof::agent
