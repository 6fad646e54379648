#include <charconv>
#include <optional>

#include "history/edn.hpp"

namespace nospof::history {

namespace {

constexpr std::string_view logger = "jepsen.util";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// Walks along one line.
class Line {
 public:
  Line(std::string_view text, int number) : text_(text), number_(number) {}
  void skip_to(std::size_t at) { at_ = at; }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  // "- " or ": " between the logger's name and its message.
  void skip_separator() {
    skip_blanks();
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == ':') &&
        (at_ + 1 == text_.size() || is_blank(text_[at_ + 1])))
      ++at_;
    skip_blanks();
  }
  Datum word() {
    skip_blanks();
    Datum datum;
    datum.kind = Datum::Kind::word;
    datum.mark = mark();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_blank(text_[at_])) ++at_;
    datum.text = text_.substr(begin, at_ - begin);
    return datum;
  }
  std::string_view rest() const { return text_.substr(at_); }
  Mark mark() const { return {number_, static_cast<int>(at_) + 1}; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  int number_;
};

// A keyword; an empty text, which no name matches, when it is none.
std::optional<Datum> keyword(Line& line) {
  Datum datum = line.word();
  if (datum.text.starts_with(':')) datum.text.erase(0, 1);
  return datum;
}

Datum value_in(Line& line, const std::string& file) {
  line.skip_blanks();
  EdnReader reader(line.rest(), file, line.mark());
  Datum value = reader.read();
  if (!reader.at_end()) refuse(file, reader.mark(), "expected the end of the line after the value");
  return value;
}

// None when the line is about something else.
std::optional<Fields> fields_in(Line line, std::size_t logger_at, const std::string& file) {
  line.skip_to(logger_at + logger.size());
  line.skip_separator();
  Fields fields;
  fields.mark = line.mark();
  Datum process = line.word();
  const char* end = process.text.data() + process.text.size();
  const auto [rest, error] = std::from_chars(process.text.data(), end, process.integer);
  if (error != std::errc() || rest != end) return std::nullopt;
  process.kind = Datum::Kind::integer;
  line.skip_blanks();
  if (!line.rest().starts_with(':')) return std::nullopt;
  fields.process = std::move(process);
  fields.type = keyword(line);
  fields.f = keyword(line);
  // What went wrong is told in place of a value by those that have none.
  if (fields.type->text == "invoke" || fields.type->text == "ok")
    fields.value = value_in(line, file);
  return fields;
}

}  // namespace

Events parse_jepsen_log(std::string_view text, const std::string& file) {
  Events events;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    const std::size_t at = line.find(logger);
    const auto fields =
        at == std::string_view::npos ? std::nullopt : fields_in(Line(line, number), at, file);
    if (fields)
      events.add(*fields, file);
    else if (line.find_first_not_of(" \t\r") != std::string_view::npos)
      ++events.passed_over;
  }
  return events;
}

}  // namespace nospof::history
