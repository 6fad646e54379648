#include "faults/netem_kernel.hpp"

#include <cmath>
#include <limits>

#include <linux/netlink.h>
#include <linux/pkt_sched.h>

#include "faults/netem_distribution.hpp"
#include "faults/netem_parameters.hpp"
#include "system/traffic_control.hpp"

namespace nospof::faults {

namespace {

constexpr std::uint32_t all_ones = std::numeric_limits<std::uint32_t>::max();

// A share as the kernel compares it with 32 random bits.
std::uint32_t share(double value) {
  return static_cast<std::uint32_t>(std::llround(value * all_ones));
}

// The kernel's older, coarser unit: 64 ns. Newer kernels take the exact value from an attribute.
std::uint32_t ticks(Nanoseconds time) {
  const std::int64_t count = time.count() / 64;
  return count > all_ones ? all_ones : static_cast<std::uint32_t>(count);
}

std::string loss_models(const Loss& loss) {
  AttributeBytes models;
  if (const auto* state = std::get_if<StateLoss>(&loss)) {
    tc_netem_gimodel model{};
    model.p13 = share(state->p13);
    model.p31 = share(state->p31);
    model.p32 = share(state->p32);
    model.p14 = share(state->p14);
    model.p23 = share(state->p23);
    models.put(NETEM_LOSS_GI, model);
  } else if (const auto* elliott = std::get_if<GemodelLoss>(&loss)) {
    tc_netem_gemodel model{};
    model.p = share(elliott->p);
    model.r = share(elliott->r);
    model.h = share(1 - elliott->loss_in_bad);
    model.k1 = share(elliott->loss_in_good);
    models.put(NETEM_LOSS_GE, model);
  }
  return models.bytes();
}

void put_rate(AttributeBytes& options, const NetemSettings& s) {
  const std::uint64_t bytes_per_second = s.rate_bits / 8;
  tc_netem_rate rate{};
  rate.rate =
      bytes_per_second >= all_ones ? all_ones : static_cast<std::uint32_t>(bytes_per_second);
  rate.packet_overhead = s.packet_overhead;
  rate.cell_size = s.cell_size;
  rate.cell_overhead = s.cell_overhead;
  if (bytes_per_second >= all_ones) options.put(TCA_NETEM_RATE64, bytes_per_second);
  options.put(TCA_NETEM_RATE, rate);
}

void put_slot(AttributeBytes& options, const NetemSettings& s) {
  tc_netem_slot slot{};
  slot.min_delay = s.slot_min.count();
  slot.max_delay = s.slot_max.count();
  slot.max_packets = s.slot_packets;
  slot.max_bytes = s.slot_bytes;
  options.put(TCA_NETEM_SLOT, slot);
}

}  // namespace

ShapingQdisc netem_qdisc(const NetemSettings& s) {
  const auto* random = std::get_if<RandomLoss>(&s.loss);
  tc_netem_qopt head{};
  head.latency = ticks(s.delay);
  head.jitter = ticks(s.jitter);
  head.limit = s.limit;
  head.loss = random != nullptr ? share(random->share) : 0;
  head.gap = s.gap;
  head.duplicate = share(s.duplicate);

  AttributeBytes options;
  options.raw(head);
  options.put(TCA_NETEM_LATENCY64, static_cast<std::int64_t>(s.delay.count()));
  options.put(TCA_NETEM_JITTER64, static_cast<std::int64_t>(s.jitter.count()));
  tc_netem_corr correlation{};
  correlation.delay_corr = share(s.delay_correlation);
  correlation.loss_corr = random != nullptr ? share(random->correlation) : 0;
  correlation.dup_corr = share(s.duplicate_correlation);
  if (correlation.delay_corr + correlation.loss_corr + correlation.dup_corr > 0)
    options.put(TCA_NETEM_CORR, correlation);
  if (s.reorder > 0)
    options.put(TCA_NETEM_REORDER,
                tc_netem_reorder{share(s.reorder), share(s.reorder_correlation)});
  if (s.corrupt > 0)
    options.put(TCA_NETEM_CORRUPT,
                tc_netem_corrupt{share(s.corrupt), share(s.corrupt_correlation)});
  if (const std::string models = loss_models(s.loss); !models.empty())
    options.put(TCA_NETEM_LOSS | NLA_F_NESTED, models);
  if (s.rate_bits > 0) put_rate(options, s);
  if (s.slot_max.count() > 0) put_slot(options, s);
  const auto table = distribution_table(s.distribution);
  if (s.jitter.count() > 0 && !table.empty())
    options.put(TCA_NETEM_DELAY_DIST, std::string_view(reinterpret_cast<const char*>(table.data()),
                                                       table.size() * sizeof table[0]));
  return {"netem", options.bytes(), netem_text(s)};
}

bool kernel_has_netem() {
  NetemSettings any;
  any.delay = Nanoseconds(1);
  return missing_qdisc(netem_qdisc(any)).empty();
}

}  // namespace nospof::faults
