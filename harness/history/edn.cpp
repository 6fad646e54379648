#include "history/edn.hpp"

#include <charconv>

#include <fmt/format.h>

#include "spec/problems.hpp"

namespace nospof::history {

namespace {

constexpr int deepest = 64;
constexpr std::size_t most_parts = 1'000'000;

bool is_blank(char c) {
  return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

bool ends_token(char c) {
  return is_blank(c) || std::string_view("()[]{}\";").find(c) != std::string_view::npos;
}

char closing(char open) {
  return open == '(' ? ')' : open == '[' ? ']' : '}';
}

}  // namespace

EdnReader::EdnReader(std::string_view text, std::string file, Mark begin)
    : rest_(text), file_(std::move(file)), mark_(begin) {}

void EdnReader::fail(Mark mark, std::string message) const {
  refuse(file_, mark, std::move(message));
}

void EdnReader::take() {
  if (rest_.empty()) return;
  ++mark_.column;
  if (rest_.front() == '\n') mark_ = {mark_.line + 1, 1};
  rest_.remove_prefix(1);
}

bool EdnReader::at_end(int depth) {
  while (!rest_.empty()) {
    if (rest_.starts_with("#_")) {
      take();
      take();
      read_at(depth + 1);
    } else if (rest_.front() == ';') {
      while (!rest_.empty() && rest_.front() != '\n') take();
    } else if (is_blank(rest_.front())) {
      take();
    } else {
      return false;
    }
  }
  return true;
}

char EdnReader::peek() {
  return at_end() ? '\0' : rest_.front();
}

Datum EdnReader::read() {
  parts_ = 0;
  return read_at(0);
}

void EdnReader::count() {
  if (++parts_ > most_parts) fail(mark_, fmt::format("more than {} parts in one form", most_parts));
}

Datum EdnReader::read_at(int depth) {
  count();
  if (depth >= deepest) fail(mark_, fmt::format("nested more than {} deep", deepest));
  if (at_end(depth)) fail(mark_, "the text ends where a value was expected");
  const char first = rest_.front();
  const Mark mark = mark_;
  Datum datum;
  if (first == '(' || first == '[' || first == '{') {
    datum.kind = first == '{' ? Datum::Kind::map : Datum::Kind::list;
    take();
    read_items(datum, closing(first), depth);
    if (first == '{' && datum.items.size() % 2 != 0)
      fail(mark, "a map with a key that has no value");
  } else if (first == ')' || first == ']' || first == '}') {
    fail(mark, fmt::format("'{}' where a value was expected", first));
  } else if (first == '"') {
    datum = read_text();
  } else if (first == '#') {
    datum = read_tagged(depth);
  } else {
    datum = read_token();
  }
  datum.mark = mark;
  return datum;
}

void EdnReader::read_items(Datum& into, char close, int depth) {
  const Mark opened = mark_;
  for (;;) {
    if (at_end(depth))
      fail(mark_, fmt::format("the text ends; expected the '{}' for line {}, column {}", close,
                              opened.line, opened.column - 1));
    if (rest_.front() == close) return take();
    into.items.push_back(read_at(depth + 1));
  }
}

Datum EdnReader::read_text() {
  const Mark begin = mark_;
  Datum datum;
  datum.kind = Datum::Kind::text;
  take();
  while (!rest_.empty() && rest_.front() != '"') {
    // What stands behind a backslash is kept as it is: no history needs it translated.
    if (rest_.front() == '\\') take();
    if (rest_.empty()) break;
    datum.text += rest_.front();
    take();
  }
  if (rest_.empty()) fail(begin, "a text without its closing quote");
  take();
  return datum;
}

// "#{a b}" is a set, "#name form" a tagged form, "##NaN" a symbolic number.
Datum EdnReader::read_tagged(int depth) {
  const Mark mark = mark_;
  Datum datum;
  take();
  if (rest_.starts_with("{")) {
    datum.kind = Datum::Kind::list;
    take();
    read_items(datum, '}', depth);
    return datum;
  }
  if (rest_.starts_with("#")) take();
  if (token().empty()) fail(mark, "expected a set or the name of a tag after '#'");
  return read_at(depth + 1);
}

std::string_view EdnReader::token() {
  std::size_t length = 0;
  while (length < rest_.size() && !ends_token(rest_[length])) ++length;
  const std::string_view found = rest_.substr(0, length);
  for (std::size_t i = 0; i < length; ++i) take();
  return found;
}

Datum EdnReader::read_token() {
  const Mark mark = mark_;
  Datum datum;
  datum.kind = Datum::Kind::other;
  if (rest_.front() == '\\') {  // a character, which may be one that ends a token
    take();
    take();
    token();
    return datum;
  }
  const std::string_view found = token();
  if (found == "nil") {
    datum.kind = Datum::Kind::nil;
  } else if (found.front() == ':') {
    datum.kind = Datum::Kind::word;
    datum.text = found.substr(1);
    if (datum.text.empty()) fail(mark, "expected a name after ':'");
  } else if (const std::string_view digits = found.substr(found.front() == '+' ? 1 : 0);
             !digits.empty() && digits.find_first_not_of("-0123456789") == std::string_view::npos &&
             digits != "-") {
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), datum.integer);
    if (error != std::errc() || end != digits.data() + digits.size())
      fail(mark, spec::quote(found) + " is no integer of 64 bits");
    datum.kind = Datum::Kind::integer;
  }
  return datum;
}

}  // namespace nospof::history
