#include "probes/http_response.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace nospof::probes {

namespace {

constexpr std::size_t head_limit = std::size_t{64} * 1024;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// `wanted` is in lower case.
bool equal_ignoring_case(std::string_view text, std::string_view wanted) {
  return std::equal(text.begin(), text.end(), wanted.begin(), wanted.end(),
                    [](char x, char y) { return lower(x) == y; });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// RFC 9110 5.6.2, by character: this is asked for every one of every header.
constexpr std::array<bool, 256> in_token = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return in_token[static_cast<unsigned char>(c)];
  });
}

/// The whole text as a number; false on anything else, also on overflow.
bool parse_number(std::string_view text, int base, std::uint64_t& value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, base);
  return !text.empty() && result.ec == std::errc{} && result.ptr == end;
}

bool has_list_item(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equal_ignoring_case(trimmed(list.substr(0, comma)), wanted)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

HttpResponse::State HttpResponse::feed(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  while (state_ == State::incomplete && !bytes.empty()) {
    const bool in_body = expecting_ == Part::fixed_body || expecting_ == Part::until_close ||
                         expecting_ == Part::chunk_data;
    bytes.remove_prefix(in_body ? take_body(bytes) : take_text(bytes));
  }
  surplus_ = surplus_ || !bytes.empty();
  return state_;
}

HttpResponse::State HttpResponse::finish() {
  if (state_ == State::incomplete && expecting_ == Part::until_close) state_ = State::complete;
  return state_;
}

// Takes bytes up to the end of the current line.
std::size_t HttpResponse::take_text(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  const std::size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
  head_size_ += taken;
  // Mostly a line comes whole, and is looked at where it is.
  const bool whole = line_.empty() && end != std::string_view::npos;
  if (!whole) line_.append(bytes.substr(0, taken));
  const std::string_view so_far = whole ? bytes.substr(0, taken) : std::string_view(line_);
  // Garbage is recognized without waiting for a line end that may never come.
  constexpr std::string_view start = "HTTP/1.";
  if (expecting_ == Part::status_line &&
      so_far.substr(0, start.size()) != start.substr(0, std::min(so_far.size(), start.size()))) {
    fail();
    return taken;
  }
  if (head_size_ > head_limit) {
    state_ = State::too_large;
    return taken;
  }
  if (end == std::string_view::npos) return taken;
  if (!so_far.ends_with("\r\n")) {
    fail();
    return taken;
  }
  take_line(so_far.substr(0, so_far.size() - 2));
  line_.clear();
  return taken;
}

void HttpResponse::take_line(std::string_view line) {
  switch (expecting_) {
    case Part::status_line:
      return take_status_line(line);
    case Part::header_line:
      return line.empty() ? end_of_head() : take_header(line);
    case Part::chunk_size:
      return take_chunk_size(line);
    case Part::chunk_end:
      if (!line.empty()) return fail();
      expecting_ = Part::chunk_size;
      return;
    case Part::trailer_line:
      if (line.empty()) state_ = State::complete;
      return;
    case Part::fixed_body:
    case Part::until_close:
    case Part::chunk_data:
      return;  // not made of lines
  }
}

// "HTTP/1.1 200 OK"; the reason may be empty, and its space may be missing.
void HttpResponse::take_status_line(std::string_view line) {
  std::uint64_t status = 0;
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ') ||
      !parse_number(line.substr(9, 3), 10, status) || status < 100 || status > 599 ||
      (line[7] != '0' && line[7] != '1'))
    return fail();
  status_ = static_cast<int>(status);
  keep_alive_ = line[7] == '1';
  expecting_ = Part::header_line;
}

void HttpResponse::take_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return fail();
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (equal_ignoring_case(name, "content-length")) {
    std::uint64_t length = 0;
    if (!parse_number(value, 10, length) || (has_length_ && length != length_)) return fail();
    has_length_ = true;
    length_ = length;
  } else if (equal_ignoring_case(name, "transfer-encoding")) {
    if (chunked_ || !equal_ignoring_case(value, "chunked")) return fail();
    chunked_ = true;
  } else if (equal_ignoring_case(name, "connection") && has_list_item(value, "close")) {
    keep_alive_ = false;
  }
}

void HttpResponse::end_of_head() {
  if (status_ < 200) {
    if (status_ == 101) return fail();
    expecting_ = Part::status_line;
    chunked_ = has_length_ = false;
    return;
  }
  // Both lengths at once are how answers get mixed up between requests (RFC 9112 6.3).
  if (chunked_ && has_length_) return fail();
  if (status_ == 204 || status_ == 304) {
    state_ = State::complete;
  } else if (chunked_) {
    expecting_ = Part::chunk_size;
  } else if (has_length_) {
    expecting_ = Part::fixed_body;
    remaining_ = length_;
    if (length_ > size_limit) state_ = State::too_large;
    if (length_ == 0) state_ = State::complete;
  } else {
    expecting_ = Part::until_close;
  }
}

void HttpResponse::take_chunk_size(std::string_view line) {
  head_size_ = 0;  // the limit is for one line here, not for all chunks together
  if (!parse_number(trimmed(line.substr(0, line.find(';'))), 16, remaining_)) return fail();
  if (remaining_ > size_limit - body_.size()) {
    state_ = State::too_large;
    return;
  }
  expecting_ = remaining_ == 0 ? Part::trailer_line : Part::chunk_data;
}

std::size_t HttpResponse::take_body(std::string_view bytes) {
  if (expecting_ == Part::until_close) {
    if (bytes.size() > size_limit - body_.size()) {
      state_ = State::too_large;
      return bytes.size();
    }
    body_.append(bytes);
    return bytes.size();
  }
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), remaining_));
  body_.append(bytes.substr(0, taken));
  remaining_ -= taken;
  if (remaining_ == 0) {
    if (expecting_ == Part::fixed_body) {
      state_ = State::complete;
    } else {
      expecting_ = Part::chunk_end;
    }
  }
  return taken;
}

}  // namespace nospof::probes
