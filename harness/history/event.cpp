#include "history/event.hpp"

#include <fmt/format.h>

#include "spec/problems.hpp"
#include "spec/reader.hpp"

namespace nospof::history {

namespace {

// The one of `names` (by their order) that a field holds.
std::size_t one_of(const std::optional<Datum>& field, const std::string& name,
                   const std::vector<std::string>& names, const Fields& fields,
                   const std::string& file) {
  if (!field)
    refuse(file, fields.mark,
           fmt::format("there is no '{}'; expected {}", name, spec::either(names)));
  for (std::size_t i = 0; i < names.size(); ++i)
    if (field->text == names[i]) return i;
  const std::string found = field->text.empty() ? kind_text(*field) : spec::quote(field->text);
  refuse(file, field->mark,
         fmt::format("'{}' is {}; expected {}{}", name, found, spec::either(names),
                     spec::did_you_mean(field->text, names)));
}

}  // namespace

std::string kind_text(const Datum& datum) {
  switch (datum.kind) {
    case Datum::Kind::nil:
      return "nil";
    case Datum::Kind::integer:
      return fmt::format("{}", datum.integer);
    case Datum::Kind::word:
    case Datum::Kind::text:
      return spec::quote(datum.text);
    case Datum::Kind::list:
      return fmt::format("a list of {}", datum.items.size());
    case Datum::Kind::map:
      return "a map";
    case Datum::Kind::other:
      return "something else";
  }
  return "";
}

void refuse(const std::string& file, Mark mark, std::string message) {
  throw spec::SpecError({{file, mark, std::move(message)}});
}

std::optional<Event> event_of(const Fields& fields, const std::string& file) {
  if (!fields.process)
    refuse(file, fields.mark, "there is no 'process'; expected the number of a client");
  if (fields.process->kind == Datum::Kind::word || fields.process->kind == Datum::Kind::text)
    return std::nullopt;
  if (fields.process->kind != Datum::Kind::integer)
    refuse(file, fields.process->mark,
           "'process' is " + kind_text(*fields.process) + "; expected the number of a client");
  Event event;
  event.mark = fields.mark;
  event.process = fields.process->integer;
  event.type = static_cast<EventType>(
      one_of(fields.type, "type", {"invoke", "ok", "fail", "info"}, fields, file));
  event.function =
      static_cast<Function>(one_of(fields.f, "f", {"read", "write", "cas", "add"}, fields, file));
  if (fields.value) event.value = *fields.value;
  if (!fields.value) event.value.mark = fields.mark;
  event.key = fields.key;
  if (fields.time && fields.time->kind == Datum::Kind::integer)
    event.time_ns = fields.time->integer;
  return event;
}

void Events::add(const Fields& fields, const std::string& file) {
  std::optional<Event> event = event_of(fields, file);
  if (!event) {
    ++passed_over;
    return;
  }
  if (list.size() == most)
    refuse(file, fields.mark, fmt::format("more than {} events; check the history in parts", most));
  rows += event->value.items.size();
  for (const Datum& item : event->value.items) rows += item.items.size();
  if (rows > most_rows)
    refuse(file, fields.mark,
           fmt::format("more than {} rows in all reads; check the history in parts", most_rows));
  list.push_back(std::move(*event));
}

}  // namespace nospof::history
