#include "faults/netem_model.hpp"

#include <cmath>
#include <limits>

#include "faults/netem_distribution.hpp"

namespace nospof::faults {

namespace {

constexpr double draws = 4294967296.0;  // 2^32

// The number below which this share of all draws lies; all of them at most, as in the kernel.
std::uint32_t threshold(double share) {
  return static_cast<std::uint32_t>(std::min(std::round(share * draws), draws - 1));
}

double correlation_of(const Loss& loss) {
  const auto* random = std::get_if<RandomLoss>(&loss);
  return random != nullptr ? random->correlation : 0;
}

std::uint32_t draw(std::mt19937& random) {
  return static_cast<std::uint32_t>(random());
}

}  // namespace

CorrelatedDraws::CorrelatedDraws(double correlation, std::uint32_t first)
    : weight_(correlation > 0 ? std::uint64_t{threshold(correlation)} + 1 : 0), last_(first) {}

std::uint32_t CorrelatedDraws::next(std::mt19937& random) {
  const std::uint64_t value = draw(random);
  if (weight_ == 0) return static_cast<std::uint32_t>(value);
  const std::uint64_t rest = (std::uint64_t{1} << 32U) - weight_;
  last_ = static_cast<std::uint32_t>((value * rest + std::uint64_t{last_} * weight_) >> 32U);
  return last_;
}

LossModel::LossModel(const Loss& loss, std::mt19937& random)
    : loss_(loss), draws_(correlation_of(loss), draw(random)) {}

bool LossModel::lost(std::mt19937& random) {
  return std::visit([&](const auto& loss) { return lost_by(loss, random); }, loss_);
}

bool LossModel::lost_by(std::monostate, std::mt19937&) {
  return false;
}

bool LossModel::lost_by(const RandomLoss& loss, std::mt19937& random) {
  return loss.share > 0 && draws_.next(random) <= threshold(loss.share);
}

bool LossModel::lost_by(const StateLoss& loss, std::mt19937& random) {
  const double chance = draw(random) / draws;
  switch (state_) {
    case State::good:
      if (chance < loss.p14)
        state_ = State::lost_alone;
      else if (chance < loss.p13 + loss.p14)
        state_ = State::lost_in_burst;
      break;
    case State::good_in_burst:
      if (chance < loss.p23) state_ = State::lost_in_burst;
      break;
    case State::lost_in_burst:
      if (chance < loss.p32)
        state_ = State::good_in_burst;
      else if (chance < loss.p31 + loss.p32)
        state_ = State::good;
      break;
    case State::lost_alone:
      state_ = State::good;
      break;
  }
  return state_ == State::lost_in_burst || state_ == State::lost_alone;
}

// The state changes before the packet's fate is decided, but by the probability of the state
// before.
bool LossModel::lost_by(const GemodelLoss& loss, std::mt19937& random) {
  const bool was_bad = bad_;
  if (draw(random) / draws < (was_bad ? loss.r : loss.p)) bad_ = !was_bad;
  return draw(random) / draws < (was_bad ? loss.loss_in_bad : loss.loss_in_good);
}

NetemModel::NetemModel(const NetemSettings& settings, std::uint32_t seed, std::uint32_t link_header)
    : settings_(settings),
      link_header_(link_header),
      random_(seed),
      table_(settings.jitter.count() > 0 ? distribution_table(settings.distribution)
                                         : std::vector<std::int16_t>()),
      loss_(settings.loss, random_),
      delay_draws_(settings.delay_correlation, draw(random_)),
      duplicate_draws_(settings.duplicate_correlation, draw(random_)),
      corrupt_draws_(settings.corrupt_correlation, draw(random_)),
      reorder_draws_(settings.reorder_correlation, draw(random_)) {
  if (settings_.reorder > 0 && settings_.gap == 0) settings_.gap = 1;
  // As tc: a gap alone means that every packet at its end goes first.
  if (settings_.gap > 0 && settings_.reorder <= 0) settings_.reorder = 1;
}

NetemFate NetemModel::decide(MonoTime arrival, std::uint32_t bytes, std::size_t held) {
  NetemFate fate;
  const bool twice = chance(settings_.duplicate, duplicate_draws_);
  const bool lost = loss_.lost(random_);
  if (lost) ++fate.lost;
  if (lost && !twice) return fate;
  // A packet that is lost and duplicated passes once. A duplicate takes the whole way by itself,
  // and first; only it is not duplicated again.
  if (held >= settings_.limit) {
    fate.beyond_limit = twice && !lost ? 2 : 1;
    return fate;
  }
  if (twice && !lost) {
    if (loss_.lost(random_))
      ++fate.lost;
    else
      enqueue(fate, arrival, bytes, true);
  }
  // The duplicate may have taken the last place: as in the kernel, this one passes none the less.
  enqueue(fate, arrival, bytes, false);
  return fate;
}

void NetemModel::enqueue(NetemFate& fate, MonoTime arrival, std::uint32_t bytes, bool duplicate) {
  NetemCopy copy;
  copy.duplicate = duplicate;
  if (chance(settings_.corrupt, corrupt_draws_) && bytes > 0)
    copy.flipped_bit = static_cast<std::uint32_t>(draw(random_) % (std::uint64_t{bytes} * 8));
  const bool ends_gap = settings_.gap > 0 && passed_in_gap_ + 1 >= settings_.gap;
  if (ends_gap && reorder_draws_.next(random_) <= threshold(settings_.reorder)) {
    copy.send = arrival;
    copy.at_once = true;
    passed_in_gap_ = 0;
  } else {
    const std::uint32_t drawn = settings_.jitter.count() > 0 ? delay_draws_.next(random_) : 0;
    copy.send = arrival + drawn_delay(settings_.delay, settings_.jitter, drawn, table_);
    if (settings_.rate_bits > 0)
      copy.send = std::max(std::max(copy.send, arrival), last_send_) + time_on_link(bytes);
    last_send_ = std::max(last_send_, copy.send);
    ++passed_in_gap_;
  }
  fate.copies[fate.count++] = copy;
}

Nanoseconds NetemModel::time_on_link(std::uint32_t bytes) const {
  std::int64_t length = std::int64_t{bytes} + link_header_ + settings_.packet_overhead;
  if (settings_.cell_size > 0) {
    const std::int64_t size = settings_.cell_size;
    const std::int64_t cells = (length + size - 1) / size;
    length = cells * (size + settings_.cell_overhead);
  }
  const double seconds = static_cast<double>(length) * 8 / static_cast<double>(settings_.rate_bits);
  return Nanoseconds(static_cast<std::int64_t>(std::max(seconds, 0.0) * 1e9));
}

bool NetemModel::chance(double share, CorrelatedDraws& draws) {
  return share > 0 && draws.next(random_) <= threshold(share);
}

NetemSlots::NetemSlots(const NetemSettings& settings, std::uint32_t seed, MonoTime now)
    : least_(settings.slot_min),
      most_(std::max(settings.slot_max, settings.slot_min)),
      packets_(settings.slot_packets > 0 ? settings.slot_packets
                                         : std::numeric_limits<std::int32_t>::max()),
      bytes_(settings.slot_bytes > 0 ? settings.slot_bytes
                                     : std::numeric_limits<std::int32_t>::max()),
      random_(seed),
      begins_(now),
      used_(most_.count() > 0),
      packets_left_(packets_),
      bytes_left_(bytes_) {}

MonoTime NetemSlots::opens(MonoTime send, MonoTime now) {
  if (!used_) return send;
  // A slot that began before the packet was due has passed it by.
  if (begins_ < send && now >= send) next(now);
  return begins_;
}

void NetemSlots::sent(std::uint32_t bytes, MonoTime now) {
  if (!used_) return;
  --packets_left_;
  bytes_left_ -= bytes;
  if (packets_left_ <= 0 || bytes_left_ <= 0) next(now);
}

void NetemSlots::next(MonoTime now) {
  const std::int64_t width = (most_ - least_).count();
  const double share = draw(random_) / draws;
  begins_ =
      now + least_ + Nanoseconds(static_cast<std::int64_t>(share * static_cast<double>(width)));
  packets_left_ = packets_;
  bytes_left_ = bytes_;
}

}  // namespace nospof::faults
