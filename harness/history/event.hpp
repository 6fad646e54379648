#pragma once
// What stands in one line or map of a history file, before invocations have found their returns.
// Internal to history.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "history/history.hpp"
#include "spec/topology.hpp"

namespace nospof::history {

using spec::Mark;

/// A value as it was written, in EDN or JSON.
struct Datum {
  enum class Kind { nil, integer, word, text, list, map, other };
  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;          ///< of a word (without its colon) or a text
  std::vector<Datum> items;  ///< of a list; of a map keys and values in turn
  Mark mark;
};

/// "nil", "an integer", "a list", ...: for messages.
std::string kind_text(const Datum& datum);

/// The fields of one map that matter here.
struct Fields {
  Mark mark;  ///< of the map
  std::optional<Datum> process, type, f, value, key, time;
};

enum class EventType { invoke, ok, fail, info };

struct Event {
  Mark mark;
  std::int64_t process = 0;
  EventType type = EventType::invoke;
  Function function = Function::read;
  Datum value;
  std::optional<Datum> key;
  std::optional<std::int64_t> time_ns;
};

/// Throws spec::SpecError with one problem.
[[noreturn]] void refuse(const std::string& file, Mark mark, std::string message);

/// What the fields say, or none when they are about no client: its process is a name, as Jepsen's
/// :nemesis. Throws spec::SpecError.
std::optional<Event> event_of(const Fields& fields, const std::string& file);

/// Takes the events of a file in their order.
struct Events {
  std::vector<Event> list;
  std::size_t passed_over = 0;
  std::size_t rows = 0;  ///< in their values together
  std::size_t most = most_events;
  /// Throws spec::SpecError when there are more than `most` or most_rows.
  void add(const Fields& fields, const std::string& file);
};

Events parse_jepsen_log(std::string_view text, const std::string& file);
Events parse_edn(std::string_view text, const std::string& file);
Events parse_json_lines(std::string_view text, const std::string& file);

/// Finds the return of each invocation. Throws spec::SpecError.
History assemble(Events events, const std::string& file);

}  // namespace nospof::history
