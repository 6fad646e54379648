#pragma once
// Newline-delimited text from a stream that arrives in pieces.

#include <optional>
#include <string>
#include <string_view>

namespace nospof::agent {

/// Cuts a stream into lines. Pure; knows nothing of where the bytes come from.
class LineSplitter {
 public:
  struct Line {
    std::string text;       ///< without the newline; empty when too_long
    bool too_long = false;  ///< it had more than `limit` bytes and was thrown away
  };

  explicit LineSplitter(std::size_t limit) : limit_(limit) {}

  void push(std::string_view data);
  /// The next whole line, or nothing until more is pushed. A line that is too long is told once, as
  /// soon as it is known to be; the rest of it is skipped.
  std::optional<Line> next();

 private:
  std::size_t limit_;
  std::string buffer_;
  std::size_t begin_ = 0;    ///< what stands before this was given out already
  std::size_t scanned_ = 0;  ///< no newline between begin_ and this
  bool skipping_ = false;

  void drop_all();
};

/// The same text with every byte that is no valid UTF-8 replaced by U+FFFD, so that it can stand in
/// JSON.
std::string valid_utf8(std::string_view text);

}  // namespace nospof::agent
