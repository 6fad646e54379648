#include "probes/ledger_registers.hpp"

#include <deque>
#include <utility>

namespace nospof::probes {

namespace {
// During a long outage none is read; what was written before it matters most.
constexpr std::size_t most_closed = 1'000;
}  // namespace

LedgerRegisters::Write LedgerRegisters::begin_write(std::int64_t now_ns) {
  move_on(now_ns);
  register_of_.push_back(current_);
  return {current_, static_cast<std::int64_t>(register_of_.size()) - 1};
}

std::int64_t LedgerRegisters::to_read(std::int64_t now_ns) {
  move_on(now_ns);
  const bool closed = std::exchange(turn_of_closed_, !turn_of_closed_) && !closed_.empty();
  return closed ? closed_.front().number : current_;
}

void LedgerRegisters::was_read(std::int64_t register_number, std::int64_t asked_ns) {
  std::erase_if(closed_, [&](const Closed& closed) {
    return closed.number == register_number && asked_ns - closed.at_ns >= life_.count();
  });
}

LedgerRegisters::Held LedgerRegisters::held(std::int64_t register_number,
                                            const std::string& token) {
  const auto value = names_.register_value_of(token);
  const bool known = value && *value < static_cast<std::int64_t>(register_of_.size()) &&
                     register_of_[static_cast<std::size_t>(*value)] == register_number;
  if (known) return {*value, true};
  return {strange_.number(token), false};
}

void LedgerRegisters::move_on(std::int64_t now_ns) {
  if (since_ns_ == 0) since_ns_ = now_ns;
  if (now_ns - since_ns_ < life_.count()) return;
  if (closed_.size() < most_closed) closed_.push_back({current_, now_ns});
  ++current_;
  since_ns_ = now_ns;
}

}  // namespace nospof::probes
