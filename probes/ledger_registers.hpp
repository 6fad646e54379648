#pragma once
// The registers of the ledger probe: one at a time is written, and each is read for as long again
// after that. Pure.

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "probes/ledger_book.hpp"
#include "probes/ledger_names.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

class LedgerRegisters {
 public:
  /// Each is written for `life`; no more than `most` values are.
  LedgerRegisters(LedgerNames names, Nanoseconds life, std::size_t most)
      : names_(std::move(names)), life_(life), most_(most) {}

  struct Write {
    std::int64_t register_number = 0;
    std::int64_t value = 0;
  };
  bool full() const { return register_of_.size() >= most_; }
  /// Not when full().
  Write begin_write(std::int64_t now_ns);
  /// The current one; every other time the oldest of those that are no longer written. Such a one
  /// is done with when a read well after its last write was answered, however long that takes.
  std::int64_t to_read(std::int64_t now_ns);
  /// There was a good answer to a read that was sent then.
  void was_read(std::int64_t register_number, std::int64_t asked_ns);

  std::string key(std::int64_t register_number) const {
    return names_.register_key(register_number);
  }
  std::string token(std::int64_t value) const { return names_.register_token(value); }
  struct Held {
    std::int64_t value = 0;
    bool known = false;  ///< somebody tried to write it to this register
  };
  Held held(std::int64_t register_number, const std::string& token);

 private:
  void move_on(std::int64_t now_ns);

  LedgerNames names_;
  Nanoseconds life_;
  std::size_t most_;
  std::int64_t current_ = 0;
  std::int64_t since_ns_ = 0;  ///< of the current one; 0: it was not used yet
  struct Closed {
    std::int64_t number = 0;
    std::int64_t at_ns = 0;
  };
  std::deque<Closed> closed_;
  bool turn_of_closed_ = false;
  std::vector<std::int64_t> register_of_;  ///< by the value's number
  StrangeTokens strange_;
};

}  // namespace nospof::probes
