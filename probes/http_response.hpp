#pragma once
// An incremental parser of one HTTP/1.1 answer to a GET; pure, fed with whatever bytes came.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nospof::probes {

/// Strict: what is not a well-formed answer is malformed, because a probe must notice garbage.
/// Interim answers (1xx) are skipped, except 101, which a GET without upgrade never gets.
class HttpResponse {
 public:
  enum class State {
    incomplete,
    complete,
    malformed,
    too_large,  ///< head or body beyond `size_limit`
  };
  static constexpr std::size_t size_limit = std::size_t{1024} * 1024;

  /// Takes the next bytes. After anything but `incomplete` further bytes are only counted as
  /// surplus.
  State feed(std::string_view bytes);
  /// The peer ended the stream in an orderly way: completes a body without a stated length.
  /// `incomplete` afterwards means that it ended too early.
  State finish();
  void clear() { *this = HttpResponse(); }

  State state() const { return state_; }
  bool begun() const { return begun_; }  ///< at least one byte came
  int status() const { return status_; }
  const std::string& body() const { return body_; }
  /// Whether another request may follow on the connection; meaningful once complete.
  bool reusable() const { return keep_alive_ && !surplus_ && expecting_ != Part::until_close; }

 private:
  enum class Part {
    status_line,
    header_line,
    fixed_body,
    until_close,
    chunk_size,
    chunk_data,
    chunk_end,
    trailer_line,
  };

  void take_line(std::string_view line);
  void take_status_line(std::string_view line);
  void take_header(std::string_view line);
  void take_chunk_size(std::string_view line);
  void end_of_head();
  std::size_t take_body(std::string_view bytes);
  std::size_t take_text(std::string_view bytes);
  void fail() { state_ = State::malformed; }

  State state_ = State::incomplete;
  Part expecting_ = Part::status_line;
  bool begun_ = false;
  bool surplus_ = false;
  bool keep_alive_ = true;
  bool chunked_ = false;
  bool has_length_ = false;
  int status_ = 0;
  std::size_t head_size_ = 0;
  std::uint64_t length_ = 0;
  std::uint64_t remaining_ = 0;  ///< of the fixed body or of the current chunk
  std::string line_;
  std::string body_;
};

}  // namespace nospof::probes
