// What the kernel says of a process and its signals.

#include <csignal>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof {

namespace {

// Empty when it is gone.
std::string status_of(const ProcessId& id) {
  try {
    return read_file(fmt::format("/proc/{}/status", id.pid));
  } catch (const SystemError& e) {
    if (e.error_number() == ENOENT || e.error_number() == ESRCH) return {};
    throw;
  }
}

// One of the signal sets in /proc/PID/status ("SigCgt"), bit 0 for signal 1.
unsigned long long signal_set(const std::string& status, const std::string& field) {
  const std::size_t at = status.find("\n" + field + ":");
  if (at == std::string::npos) return 0;
  return std::strtoull(status.c_str() + at + field.size() + 2, nullptr, 16);
}

constexpr unsigned long long bit(int number) {
  return 1ULL << static_cast<unsigned>(number - 1);
}

}  // namespace

bool has_pending_stop(const ProcessId& id) {
  const std::string status = status_of(id);
  const auto pending = signal_set(status, "SigPnd") | signal_set(status, "ShdPnd");
  const auto state = read_process(id.pid);
  return state && state->id == id &&
         (pending & (bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU))) != 0;
}

SignalReaction reaction_to(const ProcessId& id, int signal_number) {
  const std::string status = status_of(id);
  if ((signal_set(status, "SigBlk") & bit(signal_number)) != 0) return SignalReaction::waits;
  const bool caught = (signal_set(status, "SigCgt") & bit(signal_number)) != 0;
  return caught ? SignalReaction::handled : SignalReaction::none;
}

}  // namespace nospof
