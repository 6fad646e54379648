#include "faults/netem_emulator.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>

#include "faults/netem_user_duplicates.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

/// What may wait for the emulator itself, on top of what it is to hold.
constexpr std::uint32_t most_unread = 65'536;
constexpr int realtime_priority = 10;

template <typename Value>
void add(std::atomic<Value>& counter, Value by = 1) {
  // There is one writer.
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

/// A packet of the kernel's that waits, or a duplicate, which is all ours.
struct Held {
  std::uint32_t id = 0;
  bool duplicate = false;
  bool broken = false;  ///< its IP header was hit: whoever gets it would drop it
  bool at_once = false;
  bool is_copy = false;  ///< of a segment that has been dropped
  MonoTime arrival{};
  MonoTime send{};
  std::uint32_t device = 0, mark = 0;
  std::unique_ptr<std::string> bytes;  ///< instead of its own; nullptr: unchanged
};

std::size_t ip_header_size(std::string_view packet, bool ipv4) {
  constexpr std::size_t ipv6_header = 40;
  if (!ipv4) return ipv6_header;
  return packet.empty() ? 0 : (static_cast<unsigned char>(packet[0]) & 0x0fU) * 4U;
}

/// How long it takes until the emulator runs after the time that it asked to be woken at: it asks
/// for so much earlier.
class WakeTime {
 public:
  /// How long to ask for; zero: it stays awake until then. It never does so for long: with packets
  /// in quick succession a process in real time would not sleep at all, and learn no more.
  Nanoseconds wait_for(MonoTime now, Nanoseconds left) {
    if (left > usual_) {
      awake_since_.reset();
      return left - usual_;
    }
    if (!awake_since_) awake_since_ = now;
    if (now - *awake_since_ < most) return Nanoseconds(0);
    awake_since_.reset();
    return std::max(left, Nanoseconds(0));
  }
  void learn(Nanoseconds late) {
    // One that another process or the machine's own host held up says nothing of the others.
    usual_ += (std::min(late, most) - usual_) / 16;
  }

 private:
  static constexpr Nanoseconds most = std::chrono::microseconds(150);
  Nanoseconds usual_{0};
  std::optional<MonoTime> awake_since_;
};

class Emulator {
 public:
  Emulator(EmulatorOptions options, EmulatorCounters& counters, int control, int owner)
      : options_(std::move(options)),
        counters_(counters),
        control_(control),
        owner_(owner),
        queue_(copy_for(options_.settings), whole_for(options_.settings),
               std::min(options_.settings.limit, 0x40000000U) + most_unread),
        model_(options_.settings, options_.seed),
        held_(NetemSlots(options_.settings, options_.seed + 1, clock_.now())) {
    if (options_.settings.duplicate > 0) duplicates_.emplace(options_.rules.own_group);
    options_.rules.queue = queue_.number();
    // Waits are to end on time also where real time is not allowed.
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    sched_param priority{};
    priority.sched_priority = realtime_priority;
    counters_.realtime = ::sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
  }

  void run() {
    add_netem_table(table_owner_, options_.rules);
    counters_.state = EmulatorCounters::running;
    while (!told_to_stop()) {
      const auto& packets = queue_.receive();
      const MonoTime now = clock_.now();
      for (const QueuedPacket& packet : packets) take(packet, now);
      give_back_due();
    }
    let_go();
  }

 private:
  // Waits for packets, for the time of the next one, or for the end. Woken before that time, it
  // returns and is called again until it has come.
  bool told_to_stop() {
    const MonoTime now = clock_.now();
    const auto next = held_.next(now);
    const Nanoseconds asked = next ? wake_.wait_for(now, *next - now) : Nanoseconds(0);
    const timespec wait{asked.count() / 1'000'000'000, asked.count() % 1'000'000'000};
    std::array<pollfd, 3> entries{pollfd{queue_.fd(), POLLIN, 0}, pollfd{control_, POLLIN, 0},
                                  pollfd{owner_, POLLIN, 0}};
    const int ready = ::ppoll(entries.data(), entries.size(), next ? &wait : nullptr, nullptr);
    if (ready < 0 && errno == EINTR) return false;
    check("wait for packets", ready);
    if (ready == 0 && asked.count() > 0) wake_.learn(clock_.now() - now - asked);
    return entries[1].revents != 0 || entries[2].revents != 0;
  }

  void take(const QueuedPacket& packet, MonoTime now) {
    if (packet.leaving && copies_ > 0) {
      --copies_;
      queue_.drop(packet.id);
      return;
    }
    // An original without a copy (there was no memory for it) is held itself.
    if (is_copy(packet)) ++copies_;
    add(packet.incoming ? counters_.seen_in : counters_.seen_out);
    const NetemFate fate = model_.decide(now, packet.bytes, held_.size());
    add<std::uint64_t>(counters_.lost, fate.lost);
    add<std::uint64_t>(counters_.beyond_limit, fate.beyond_limit);
    bool original = false;
    for (std::size_t i = 0; i < fate.count; ++i) {
      const NetemCopy& copy = fate.copies[i];
      if (!copy.duplicate) original = true;
      if (!copy.duplicate || (duplicates_ && packet.ipv4)) hold(packet, copy, now);
    }
    if (!original) queue_.drop(packet.id);
  }

  bool is_copy(const QueuedPacket& packet) const {
    return options_.rules.copy_mark != 0 && packet.mark == options_.rules.copy_mark &&
           !packet.leaving;
  }

  void hold(const QueuedPacket& packet, const NetemCopy& copy, MonoTime now) {
    Held held;
    held.id = packet.id;
    held.duplicate = copy.duplicate;
    held.at_once = copy.at_once;
    held.arrival = now;
    held.send = copy.send;
    held.device = packet.out_device;
    held.is_copy = is_copy(packet);
    held.mark = held.is_copy ? 0 : packet.mark;
    const bool complete = packet.payload.size() == packet.bytes;
    const bool flipped = copy.flipped_bit && complete;
    if (flipped || copy.duplicate) held.bytes = std::make_unique<std::string>(packet.payload);
    if (flipped) {
      const std::uint32_t byte = *copy.flipped_bit / 8;
      char& changed = (*held.bytes)[byte];
      changed = static_cast<char>(changed ^ static_cast<char>(1U << *copy.flipped_bit % 8));
      held.broken = byte < ip_header_size(packet.payload, packet.ipv4);
      add(counters_.corrupted);
    }
    if (copy.duplicate) add(counters_.duplicated);
    held_.hold(copy, packet.bytes, std::move(held));
  }

  void give_back_due() {
    for (MonoTime now = clock_.now();;) {
      const auto due = held_.take(now);
      if (!due) break;
      count(*due, now);
      give_back(*due);
    }
    queue_.flush();
    counters_.refused.store(queue_.refused(), std::memory_order_relaxed);
  }

  void count(const Held& packet, MonoTime now) {
    if (packet.duplicate) return;
    if (packet.at_once) {
      add(counters_.at_once);
      return;
    }
    add(counters_.passed);
    add(counters_.asked_ns, (packet.send - packet.arrival).count());
    add(counters_.held_ns, (now - packet.arrival).count());
    const std::int64_t late = (now - packet.send).count();
    if (late > counters_.latest_ns.load(std::memory_order_relaxed))
      counters_.latest_ns.store(late, std::memory_order_relaxed);
  }

  void give_back(const Held& packet) {
    if (packet.duplicate) {
      if (!packet.broken) duplicates_->send(*packet.bytes, packet.device, packet.mark);
    } else if (packet.broken) {
      queue_.drop(packet.id);
    } else if (packet.is_copy) {
      queue_.accept_unmarked(packet.id, packet.bytes ? *packet.bytes : std::string_view());
    } else if (packet.bytes) {
      queue_.accept_changed(packet.id, *packet.bytes);
    } else {
      queue_.accept(packet.id);
    }
  }

  // No packet is lost by healing: first none comes any more, then all that are here pass, and only
  // then the chains go.
  void let_go() {
    empty_netem_table(table_owner_, options_.rules);
    while (const auto packet = held_.take_any()) give_back(*packet);
    queue_.flush();
    for (;;) {
      const auto& packets = queue_.receive();
      if (packets.empty()) break;
      for (const QueuedPacket& packet : packets) let_go(packet);
      queue_.flush();
    }
    counters_.state = EmulatorCounters::ended;
  }

  void let_go(const QueuedPacket& packet) {
    if (packet.leaving && copies_ > 0) {
      --copies_;
      queue_.drop(packet.id);
    } else if (is_copy(packet)) {
      ++copies_;
      queue_.accept_unmarked(packet.id, {});
    } else {
      queue_.accept(packet.id);
    }
  }

  EmulatorOptions options_;
  EmulatorCounters& counters_;
  SystemClock clock_;
  WakeTime wake_;
  int control_, owner_;
  // The table goes before the queue: without a queue its rule lets packets pass.
  PacketQueue queue_;
  NetfilterSocket table_owner_;
  NetemModel model_;
  HeldPackets<Held> held_;
  std::optional<DuplicateSender> duplicates_;
  std::uint64_t copies_ = 0;  ///< whose originals have not come yet
};

}  // namespace

PacketQueue::Copy copy_for(const NetemSettings& settings) {
  if (settings.corrupt > 0 || settings.duplicate > 0) return PacketQueue::Copy::all;
  if (settings.rate_bits > 0 || settings.slot_bytes > 0) return PacketQueue::Copy::length;
  return PacketQueue::Copy::nothing;
}

bool copies_for(const NetemSettings& settings, const NetemScope& scope) {
  const bool holds = settings.delay.count() > 0 || settings.jitter.count() > 0 ||
                     settings.rate_bits > 0 || settings.slot_max.count() > 0 ||
                     settings.slot_min.count() > 0;
  const bool takes_tcp =
      scope.protocol == NetemScope::Protocol::any || scope.protocol == NetemScope::Protocol::tcp;
  return holds && takes_tcp && scope.direction != NetemScope::Direction::ingress;
}

bool whole_for(const NetemSettings& settings) {
  return copy_for(settings) == PacketQueue::Copy::nothing;
}

void run_emulator(EmulatorOptions options, EmulatorCounters& counters, int control, int owner) {
  try {
    Emulator(std::move(options), counters, control, owner).run();
  } catch (const std::exception& error) {
    std::strncpy(counters.trouble.data(), error.what(), counters.trouble.size() - 1);
    counters.state = EmulatorCounters::failed;
  }
}

}  // namespace nospof::faults
