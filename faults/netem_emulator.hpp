#pragma once
// The process that holds packets back: what runs in it, and what its owner sees of it.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "faults/netem_model.hpp"
#include "faults/netem_user_queue.hpp"
#include "faults/netem_user_rules.hpp"

namespace nospof::faults {

/// Lies in memory that the emulator and its owner share. The emulator alone writes.
struct EmulatorCounters {
  enum State : int { starting, running, ended, failed };
  std::atomic<int> state{starting};
  std::array<char, 400> trouble{};  ///< written before `failed`
  std::atomic<bool> realtime{false};

  std::atomic<std::uint64_t> seen_out{0}, seen_in{0};
  std::atomic<std::uint64_t> passed{0};  ///< given back to the kernel in order, after their time
  std::atomic<std::uint64_t> at_once{0}, lost{0}, beyond_limit{0}, duplicated{0}, corrupted{0};
  std::atomic<std::uint64_t> refused{0};
  /// Sums over those that passed: how long they were to be held, and were.
  std::atomic<std::int64_t> asked_ns{0}, held_ns{0};
  std::atomic<std::int64_t> latest_ns{0};  ///< how much too late the worst one passed
};

struct EmulatorOptions {
  NetemSettings settings;
  NetemRules rules;  ///< the queue's number is filled in by the emulator
  std::uint32_t seed = 0;
};

/// What of every packet the emulator needs.
PacketQueue::Copy copy_for(const NetemSettings& settings);
/// Whether large packets may stay whole: nothing counts bytes or changes packets.
bool whole_for(const NetemSettings& settings);

/// Whether TCP segments of the host's own sockets are held as copies.
bool copies_for(const NetemSettings& settings, const NetemScope& scope);

/// Takes packets out and puts them back until `control` is closed at its other end or the process
/// of `owner` (a pidfd) has ended; then lets go of all that it holds and removes the table. Errors
/// are told in `counters`.
void run_emulator(EmulatorOptions options, EmulatorCounters& counters, int control, int owner);

}  // namespace nospof::faults
