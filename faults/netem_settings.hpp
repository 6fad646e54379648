#pragma once
// What a netem fault does to packets: one checked value for both back-ends (sch_netem in the
// kernel, an emulator behind NFQUEUE where the kernel has none). Names and meaning are those of
// tc-netem(8).

#include <cstdint>
#include <variant>

#include "system/clock.hpp"

namespace nospof::faults {

/// Shares are from 0 to 1 (0.1 is 10 %); correlations too.
struct RandomLoss {
  double share = 0;
  double correlation = 0;
};
/// The 4-state Markov chain of `loss state P13 P31 P32 P23 P14`: 1 good, 2 good within a burst,
/// 3 lost within a burst, 4 lost on its own.
struct StateLoss {
  double p13 = 0, p31 = 1, p32 = 0, p23 = 1, p14 = 0;
};
/// Gilbert-Elliott, `loss gemodel P R 1-H 1-K`: good to bad, bad to good, loss in bad, loss in
/// good.
struct GemodelLoss {
  double p = 0, r = 1, loss_in_bad = 1, loss_in_good = 0;
};
using Loss = std::variant<std::monostate, RandomLoss, StateLoss, GemodelLoss>;

struct NetemSettings {
  enum class Distribution { uniform, normal, pareto, paretonormal };

  Nanoseconds delay{0};
  Nanoseconds jitter{0};
  double delay_correlation = 0;
  Distribution distribution = Distribution::uniform;

  Loss loss;
  double duplicate = 0, duplicate_correlation = 0;
  double corrupt = 0, corrupt_correlation = 0;
  /// That share of packets is sent at once, ahead of those that are delayed; with gap N only every
  /// Nth packet can be.
  double reorder = 0, reorder_correlation = 0;
  std::uint32_t gap = 0;

  std::uint64_t rate_bits = 0;  ///< bits per second; 0: unlimited
  std::int32_t packet_overhead = 0;
  std::uint32_t cell_size = 0;
  std::int32_t cell_overhead = 0;

  /// Packets are held back to slots that begin at a random distance between min and max; 0: none.
  Nanoseconds slot_min{0}, slot_max{0};
  std::int32_t slot_packets = 0, slot_bytes = 0;  ///< most in one slot; 0: unlimited

  std::uint32_t limit = 1000;  ///< packets held at once; the rest is dropped
};

}  // namespace nospof::faults
