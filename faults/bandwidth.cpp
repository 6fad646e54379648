#include "faults/bandwidth.hpp"

#include <algorithm>
#include <limits>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <linux/pkt_sched.h>

#include "faults/netem_scope_parameters.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"
#include "system/traffic_control.hpp"

namespace nospof::faults {

namespace {

// A full Ethernet frame has to fit into the bucket, or it never leaves.
constexpr std::int64_t least_burst = 1514;
constexpr std::int64_t most_bytes = 1'000'000'000;
constexpr std::int64_t highest_rate = 1'000'000'000'000;
// What a bucket holds unless it is said: the bytes of 10 ms, at least two frames.
constexpr std::int64_t usual_bursts_per_second = 100;

// Bytes that take that long at the rate.
std::int64_t bytes_in(spec::Bandwidth rate, spec::Duration time) {
  const double bytes =
      static_cast<double>(rate.bits_per_second) / 8 * (static_cast<double>(time.count()) / 1e9);
  return static_cast<std::int64_t>(std::min(bytes, static_cast<double>(most_bytes)));
}

class BandwidthFault final : public kinds::Fault {
 public:
  BandwidthFault(TokenBucket bucket, NetemScope scope)
      : bucket_(bucket), scope_(std::move(scope)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    return prepare_shaping("bandwidth", tbf_qdisc(bucket_), scope_, {}, env);
  }

 private:
  TokenBucket bucket_;
  NetemScope scope_;
};

class BandwidthKind final : public kinds::FaultKind {
 public:
  BandwidthKind() {
    using Type = spec::ParameterType;
    info_.name = "bandwidth";
    info_.summary = "A host's link carries no more than so many bits per second (token bucket).";
    info_.target = spec::TargetType::host;
    info_.parameters = {
        {"rate", Type::bandwidth, true, "", {}, "Bits per second that get through.", false},
        {"burst",
         Type::integer,
         false,
         "",
         {},
         "Bytes that may leave at once, at least 1514; left out: those of 10 ms, at least 3028.",
         false},
        {"latency",
         Type::duration,
         false,
         "50ms",
         {},
         "Packets that would have to wait longer are dropped.",
         false},
        {"limit",
         Type::integer,
         false,
         "",
         {},
         "The same in bytes: packets that would make more wait are dropped.",
         false}};
    for (spec::ParameterInfo& parameter : scope_parameters())
      info_.parameters.push_back(std::move(parameter));
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const TokenBucket bucket = bucket_of(given);
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      const NetemScope scope = netem_scope(info_, given, *host, stack);
      scope_filters(info_.name, scope, true);
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"rate_bits", bucket.rate.bits_per_second},
                              {"burst", bucket.burst},
                              {"limit", bucket.limit}};
      put_scope(placement.parameters, scope);
      placement.effect =
          fmt::format("{}: at most {}", scope_text(scope, host->name, given.texts("peers")),
                      tbf_qdisc(bucket).text);
      placement.undo = "its queueing discipline, filters and ifb device are removed";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    TokenBucket bucket;
    bucket.rate.bits_per_second =
        static_cast<std::uint64_t>(reader.integer_or("rate_bits", 0, 8, highest_rate));
    bucket.burst =
        static_cast<std::uint32_t>(reader.integer_or("burst", 0, least_burst, most_bytes));
    bucket.limit =
        static_cast<std::uint32_t>(reader.integer_or("limit", 0, least_burst, most_bytes));
    NetemScope scope = take_scope(reader);
    reader.done();
    for (const auto& [name, value] : {std::pair{"rate_bits", bucket.rate.bits_per_second},
                                      std::pair{"burst", std::uint64_t{bucket.burst}},
                                      std::pair{"limit", std::uint64_t{bucket.limit}}})
      if (value == 0) reader.refuse(name, "is missing");
    return std::make_unique<BandwidthFault>(bucket, std::move(scope));
  }

 private:
  std::int64_t bytes(const PlanReader& given, const char* name, std::int64_t usual) const {
    if (!given.given(name)) return std::clamp(usual, least_burst, most_bytes);
    const std::int64_t value = given.integer(name);
    if (value < least_burst || value > most_bytes)
      throw Error(
          fmt::format("bandwidth: parameter '{}' must be a whole number of bytes from {} to "
                      "{}",
                      name, least_burst, most_bytes));
    return value;
  }

  TokenBucket bucket_of(const PlanReader& given) const {
    if (given.given("latency") && given.given("limit"))
      throw Error("bandwidth: latency and limit say the same thing; give one of them");
    TokenBucket bucket;
    bucket.rate = given.bandwidth("rate");
    if (bucket.rate.bits_per_second < 8) throw Error("bandwidth: parameter 'rate' is missing");
    const auto rate = static_cast<std::int64_t>(bucket.rate.bits_per_second);
    bucket.burst = static_cast<std::uint32_t>(
        bytes(given, "burst", std::max(rate / 8 / usual_bursts_per_second, 2 * least_burst)));
    // As tc counts it: what waits for its time besides what is in the bucket.
    bucket.limit = static_cast<std::uint32_t>(
        bytes(given, "limit", bytes_in(bucket.rate, given.duration("latency")) + bucket.burst));
    return bucket;
  }

  spec::KindInfo info_;
};

}  // namespace

ShapingQdisc tbf_qdisc(const TokenBucket& bucket) {
  constexpr std::uint32_t all_ones = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t bytes_per_second = bucket.rate.bits_per_second / 8;
  tc_tbf_qopt head{};
  head.rate.linklayer = TC_LINKLAYER_ETHERNET;
  head.rate.rate =
      bytes_per_second >= all_ones ? all_ones : static_cast<std::uint32_t>(bytes_per_second);
  head.limit = bucket.limit;
  // In the kernel's ticks of 64 ns; the exact number of bytes is below.
  head.buffer = static_cast<std::uint32_t>(
      std::min(static_cast<double>(bucket.burst) * 1e9 / static_cast<double>(bytes_per_second) / 64,
               static_cast<double>(all_ones)));
  AttributeBytes options;
  options.put(TCA_TBF_PARMS, head).put(TCA_TBF_BURST, bucket.burst);
  if (bytes_per_second >= all_ones) options.put(TCA_TBF_RATE64, bytes_per_second);
  return {"tbf", options.bytes(),
          fmt::format("{}, {} bytes at once, {} bytes waiting", spec::format_bandwidth(bucket.rate),
                      bucket.burst, bucket.limit)};
}

std::unique_ptr<kinds::FaultKind> make_bandwidth() {
  return std::make_unique<BandwidthKind>();
}

}  // namespace nospof::faults
