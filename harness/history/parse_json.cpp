#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "history/event.hpp"
#include "spec/problems.hpp"

namespace nospof::history {

namespace {

namespace json = boost::json;

constexpr std::size_t longest_line = std::size_t{16} << 20U;

Datum datum_of(const json::value& value, Mark mark) {
  Datum datum;
  datum.mark = mark;
  if (value.is_null()) return datum;
  datum.kind = Datum::Kind::other;
  if (const auto* number = value.if_int64()) {
    datum.kind = Datum::Kind::integer;
    datum.integer = *number;
  } else if (const auto* text = value.if_string()) {
    datum.kind = Datum::Kind::text;
    datum.text.assign(text->data(), text->size());
  } else if (const auto* list = value.if_array()) {
    datum.kind = Datum::Kind::list;
    datum.items.reserve(list->size());
    for (const json::value& item : *list) datum.items.push_back(datum_of(item, mark));
  } else if (value.is_object()) {
    datum.kind = Datum::Kind::map;
  }
  return datum;
}

// Reads one line; knows where in it a field stands.
class Line {
 public:
  Line(std::string_view text, int number, const std::string& file)
      : text_(text), number_(number), file_(file) {}

  Fields fields() const {
    const json::value value = parsed();
    const json::object* object = value.if_object();
    if (object == nullptr)
      refuse(file_, {number_, 1},
             R"(expected an object such as {"process":0,"type":"invoke","f":"read"})");
    static const std::vector<std::string> known{"process", "type",    "f",    "value",
                                                "key",     "time_ns", "error"};
    for (const auto& [name, ignored] : *object)
      if (std::ranges::find(known, name) == known.end())
        refuse(file_, place_of(name),
               fmt::format("unknown field {}; expected {}{}", spec::quote(name),
                           spec::either(known), spec::did_you_mean(name, known)));
    Fields fields;
    fields.mark = {number_, 1};
    fields.process = field(*object, "process");
    fields.type = field(*object, "type");
    fields.f = field(*object, "f");
    fields.value = field(*object, "value");
    fields.key = field(*object, "key");
    fields.time = field(*object, "time_ns");
    if (fields.time && fields.time->kind != Datum::Kind::integer)
      refuse(file_, fields.time->mark,
             "'time_ns' is " + kind_text(*fields.time) + "; expected whole nanoseconds");
    return fields;
  }

 private:
  json::value parsed() const {
    json::stream_parser parser({}, {.max_depth = 16});
    json::error_code error;
    const std::size_t used = parser.write_some(text_.data(), text_.size(), error);
    const bool rest_is_blank = text_.find_first_not_of(" \t\r", used) == std::string_view::npos;
    if (!error && rest_is_blank) parser.finish(error);
    if (error || !rest_is_blank)
      refuse(file_, {number_, static_cast<int>(std::min(used, text_.size())) + 1},
             fmt::format("not JSON: {}; expected one object a line",
                         error ? error.message() : "something behind the end of the object"));
    return parser.release();
  }

  std::optional<Datum> field(const json::object& object, std::string_view name) const {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return std::nullopt;
    return datum_of(*value, place_of(name));
  }

  Mark place_of(std::string_view name) const {
    const std::size_t at = text_.find(fmt::format("\"{}\"", name));
    return {number_, at == std::string_view::npos ? 1 : static_cast<int>(at) + 1};
  }

  std::string_view text_;
  int number_;
  const std::string& file_;
};

// Lines of two clients that were put one behind the other would look as if nothing had overlapped.
void check_time(const Events& events, const Fields& fields, const std::string& file) {
  if (events.list.size() < 2) return;
  const Event& last = events.list.back();
  const Event& before = events.list[events.list.size() - 2];
  if (last.time_ns && before.time_ns && *last.time_ns < *before.time_ns)
    refuse(file, fields.time->mark,
           fmt::format("time_ns goes back from {} to {}; expected the lines in the order in which "
                       "things happened",
                       *before.time_ns, *last.time_ns));
}

}  // namespace

Events parse_json_lines(std::string_view text, const std::string& file) {
  Events events;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (line.size() > longest_line)
      refuse(file, {number, 1}, fmt::format("a line of more than {} bytes", longest_line));
    const Fields fields = Line(line, number, file).fields();
    const std::size_t before = events.list.size();
    events.add(fields, file);
    if (events.list.size() > before) check_time(events, fields, file);
  }
  return events;
}

}  // namespace nospof::history
