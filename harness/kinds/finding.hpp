#pragma once
// What a probe that looks (instead of asking) tells: what it saw, and that it looked at all.

#include <cstdint>
#include <string>

namespace nospof::kinds {

/// Something that a probe saw. One that lasts is told when it begins to be true and once more when
/// it no longer is (`over`), not in every round; and in between when its `count` has changed.
struct Finding {
  /// CLOCK_MONOTONIC nanoseconds of the vantage host: when it was seen. It may have begun any time
  /// since `since_ns`, the last moment when it was seen not to be so.
  std::int64_t at_ns = 0;
  std::int64_t since_ns = 0;
  std::string what;     ///< its class: "plaintext", "open", "closed", "wrong-identity", "owners"
  std::string subject;  ///< what it is about, always spelled alike: "client -> db1:3306/tcp"
  std::string detail;   ///< for people, with figures
  bool violation = false;  ///< may never be so, whatever is broken
  bool over = false;       ///< was told before, and is no longer so
  std::uint64_t count = 1;  ///< how many of it: writes that were lost
};

/// One look at everything that a probe has to look at: without rounds, no findings mean nothing.
struct Round {
  std::int64_t begin_ns = 0;  ///< CLOCK_MONOTONIC nanoseconds of the vantage host
  std::int64_t end_ns = 0;
  std::uint64_t checked = 0;    ///< connections tried, packets read, ...
  std::uint64_t undecided = 0;  ///< of those, how many told nothing (host down, no answer)
};

/// One entry of the matrix that a probe looks at: what is expected of what. That a look told
/// something about it is told once; it is as expected, but for findings about the same subject.
struct Expectation {
  std::string subject;   ///< as in findings: "client -> db1:3306/tcp"
  std::string expected;  ///< "open", "closed", "tls", "client-certificate", ...
};

}  // namespace nospof::kinds
