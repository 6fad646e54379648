#pragma once
// Netem without a kernel: what becomes of each packet, decided as sch_netem decides it. Pure: time
// comes in as a parameter, chance from a seed.
//
// As in the kernel, packets leave in the order of their send times: jitter reorders them, unless a
// rate makes each wait for the one before.

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "faults/netem_settings.hpp"
#include "system/clock.hpp"

namespace nospof::faults {

/// Random numbers of which each resembles the one before, by linear interpolation: a share of the
/// last one and the rest of a new one. Like netem's, they are then no longer uniform.
class CorrelatedDraws {
 public:
  CorrelatedDraws(double correlation, std::uint32_t first);
  std::uint32_t next(std::mt19937& random);

 private:
  std::uint64_t weight_;  ///< of the last one, of 2^32
  std::uint32_t last_;
};

/// Decides which packets are lost.
class LossModel {
 public:
  LossModel(const Loss& loss, std::mt19937& random);
  bool lost(std::mt19937& random);

 private:
  bool lost_by(std::monostate, std::mt19937& random);
  bool lost_by(const RandomLoss& loss, std::mt19937& random);
  bool lost_by(const StateLoss& loss, std::mt19937& random);
  bool lost_by(const GemodelLoss& loss, std::mt19937& random);

  enum class State { good, good_in_burst, lost_in_burst, lost_alone };
  Loss loss_;
  CorrelatedDraws draws_;
  State state_ = State::good;
  bool bad_ = false;
};

/// A packet, or its duplicate, that is to be sent.
struct NetemCopy {
  MonoTime send{};
  bool at_once = false;  ///< ahead of all that wait
  std::optional<std::uint32_t> flipped_bit;
  bool duplicate = false;  ///< the second of two
};

struct NetemFate {
  std::array<NetemCopy, 2> copies;
  std::size_t count = 0;      ///< of copies
  unsigned lost = 0;          ///< by the model of loss
  unsigned beyond_limit = 0;  ///< as too many are held
};

/// The decisions for the packets of one queue, in the order of their arrival.
class NetemModel {
 public:
  /// `link_header`: bytes that every packet has on the link on top of its size, for the rate.
  NetemModel(const NetemSettings& settings, std::uint32_t seed, std::uint32_t link_header = 14);

  /// `held`: packets that have not been sent yet.
  NetemFate decide(MonoTime arrival, std::uint32_t bytes, std::size_t held);

 private:
  void enqueue(NetemFate& fate, MonoTime arrival, std::uint32_t bytes, bool duplicate);
  Nanoseconds time_on_link(std::uint32_t bytes) const;
  bool chance(double share, CorrelatedDraws& draws);

  NetemSettings settings_;
  std::uint32_t link_header_;
  std::mt19937 random_;
  std::vector<std::int16_t> table_;
  LossModel loss_;
  CorrelatedDraws delay_draws_, duplicate_draws_, corrupt_draws_, reorder_draws_;
  std::uint32_t passed_in_gap_ = 0;
  MonoTime last_send_ = MonoTime::min();
};

/// When a slot begins and how much still fits into it.
class NetemSlots {
 public:
  NetemSlots(const NetemSettings& settings, std::uint32_t seed, MonoTime now);

  /// The earliest moment for a packet that is due at `send`, looked at `now`.
  MonoTime opens(MonoTime send, MonoTime now);
  void sent(std::uint32_t bytes, MonoTime now);

 private:
  void next(MonoTime now);

  Nanoseconds least_, most_;
  std::int64_t packets_, bytes_;
  std::mt19937 random_;
  MonoTime begins_;
  bool used_;
  std::int64_t packets_left_ = 0, bytes_left_ = 0;
};

/// Packets that wait for their time, named by whatever the caller knows them by.
template <typename Name>
class HeldPackets {
 public:
  explicit HeldPackets(NetemSlots slots) : slots_(slots) {}

  std::size_t size() const { return front_.size() + waiting_.size(); }

  void hold(const NetemCopy& copy, std::uint32_t bytes, Name name) {
    if (copy.at_once) {
      front_.push_front(std::move(name));
      return;
    }
    waiting_.push_back({copy.send, ++number_, bytes, std::move(name)});
    std::push_heap(waiting_.begin(), waiting_.end());
  }

  /// When take() will have something; nothing while nothing is held.
  std::optional<MonoTime> next(MonoTime now) {
    if (!front_.empty()) return now;
    if (waiting_.empty()) return std::nullopt;
    return std::max(waiting_.front().send, slots_.opens(waiting_.front().send, now));
  }

  /// The next one that is due, in the order of sending.
  std::optional<Name> take(MonoTime now) {
    const auto due = next(now);
    if (!due || *due > now) return std::nullopt;
    if (!front_.empty()) {
      Name name = std::move(front_.front());
      front_.pop_front();
      return name;
    }
    slots_.sent(waiting_.front().bytes, now);
    return pop();
  }

  /// The next one, due or not: to let go of all.
  std::optional<Name> take_any() {
    if (front_.empty() && waiting_.empty()) return std::nullopt;
    if (front_.empty()) return pop();
    Name name = std::move(front_.front());
    front_.pop_front();
    return name;
  }

 private:
  struct Waiting {
    MonoTime send;
    std::uint64_t number;
    std::uint32_t bytes;
    Name name;
    bool operator<(const Waiting& other) const {  // the heap's top is the earliest
      return send != other.send ? send > other.send : number > other.number;
    }
  };

  Name pop() {
    std::pop_heap(waiting_.begin(), waiting_.end());
    Name name = std::move(waiting_.back().name);
    waiting_.pop_back();
    return name;
  }

  std::deque<Name> front_;
  std::vector<Waiting> waiting_;
  std::uint64_t number_ = 0;
  NetemSlots slots_;
};

}  // namespace nospof::faults
