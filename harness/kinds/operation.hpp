#pragma once
// What clients do to the system under test and what becomes of it, as a probe tells it: two events
// for each operation. docs/history.md says what these mean; harness/history judges them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/array.hpp>

namespace nospof::kinds {

/// One event: an operation was invoked, or is over. Without a register it is one on the ledger:
/// rows that are added under ids of their own, and must stay.
struct Operation {
  enum class Event {
    invoke,
    ok,    ///< it took effect
    fail,  ///< it certainly did not
    info,  ///< nobody knows; its process is never heard of again
  };
  enum class Function { add, read, write };
  struct Row {
    std::int64_t id = 0;
    std::optional<std::int64_t> value = {};  ///< set where it is not the one that was added
    friend bool operator==(const Row&, const Row&) = default;
  };

  std::int64_t at_ns = 0;  ///< CLOCK_MONOTONIC nanoseconds of the vantage host
  std::int64_t process = 0;
  Event event = Event::invoke;
  Function function = Function::read;
  std::string register_key = {};
  std::optional<std::int64_t> value = {};  ///< of a register: written, or read; none: nil
  std::optional<std::int64_t> row = {};    ///< of the ledger: added, or read alone; none: all of it
  std::vector<Row> rows = {};              ///< what a read of the ledger showed
  friend bool operator==(const Operation&, const Operation&) = default;
};

/// [at_ns, process, "invoke", "add", register_key, value, row, rows]; null is none, and a row is
/// its id, or [id, value].
boost::json::array operation_json(const Operation& operation);
/// Throws an exception when it is not what operation_json() makes.
Operation operation_from_json(const boost::json::array& fields);

}  // namespace nospof::kinds
