#include <fmt/format.h>

#include "history/edn.hpp"

namespace nospof::history {

namespace {

Fields fields_of(Datum& map) {
  Fields fields;
  fields.mark = map.mark;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const std::string& name = map.items[i].text;
    std::optional<Datum>* field = name == "process" ? &fields.process
                                  : name == "type"  ? &fields.type
                                  : name == "f"     ? &fields.f
                                  : name == "value" ? &fields.value
                                  : name == "key"   ? &fields.key
                                  : name == "time"  ? &fields.time
                                                    : nullptr;
    if (field != nullptr) *field = std::move(map.items[i + 1]);
  }
  return fields;
}

}  // namespace

// One map after the other, also inside of one list or vector, so that never more than one map is
// held as it was written.
Events parse_edn(std::string_view text, const std::string& file) {
  EdnReader reader(text, file);
  Events events;
  char close = '\0';
  Mark opened;
  while (!reader.at_end()) {
    const char next = reader.peek();
    if (close == '\0' && (next == '[' || next == '(')) {
      close = next == '[' ? ']' : ')';
      opened = reader.mark();
      reader.take();
    } else if (close != '\0' && next == close) {
      close = '\0';
      reader.take();
    } else {
      Datum map = reader.read();
      if (map.kind != Datum::Kind::map)
        refuse(file, map.mark,
               "expected a map such as {:process 0, :type :invoke, :f :read, :value nil}, found " +
                   kind_text(map));
      events.add(fields_of(map), file);
    }
  }
  if (close != '\0')
    refuse(file, reader.mark(),
           fmt::format("the text ends; expected the '{}' for line {}, column {}", close,
                       opened.line, opened.column));
  return events;
}

}  // namespace nospof::history
