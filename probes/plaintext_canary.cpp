#include "probes/plaintext_canary.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "probes/canary_config.hpp"
#include "probes/conversations.hpp"
#include "probes/looking.hpp"
#include "probes/marker_scan.hpp"
#include "probes/packet.hpp"
#include "probes/probe_kind.hpp"
#include "system/packet_ring.hpp"

namespace nospof::probes {

namespace {

using namespace std::chrono_literals;
using spec::ParameterType;

constexpr std::size_t most_flows = 16'384;
constexpr std::size_t most_servers = 4096;
constexpr std::size_t most_conversations = 1000;
constexpr auto round_period = 1s;
constexpr Nanoseconds longest_in_ring = 2 * std::chrono::milliseconds(PacketRing::latency_ms);

spec::KindInfo canary_info() {
  spec::KindInfo info;
  info.name = "plaintext-canary";
  info.summary =
      "looks for a text that requests carry in what goes over the host's network devices";
  info.parameters = {
      {"marker",
       ParameterType::text,
       true,
       "",
       {},
       "with which the token of every request begins; at least 8 characters"},
      {"quiet",
       ParameterType::duration,
       false,
       "5s",
       {},
       "a conversation in which it was not seen for so long is over"},
      {"ring-mebibytes",
       ParameterType::integer,
       false,
       "8",
       {},
       "memory for packets that wait to be read, in MiB"},
  };
  info.needs = {"packet-socket"};
  return info;
}

std::string device_name(int index) {
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(static_cast<unsigned>(index), name.data()) == nullptr)
    return fmt::format("a device that is gone (index {})", index);
  return name.data();
}

std::optional<Packet> packet_in(const CapturedFrame& frame) {
  if (frame.hardware == ARPHRD_ETHER) return packet_in_frame(frame.bytes);
  return packet_in_network_layer(frame.bytes.substr(frame.network_offset), frame.protocol);
}

// One run of the probe: everything happens on the thread that calls run().
class CanaryRun {
 public:
  CanaryRun(const CanaryConfig& config, PacketRing& ring, int stop_fd, kinds::SampleSink& sink)
      : config_(config),
        ring_(ring),
        stop_fd_(stop_fd),
        sink_(sink),
        scan_(config.marker, most_flows),
        servers_(most_servers),
        sightings_(config.quiet, most_conversations) {}
  void run();

 private:
  void read_all();
  void read_frame(const CapturedFrame& frame);
  void tell(const Conversation& conversation, const MarkerMatch& match, const CapturedFrame& frame,
            std::int64_t at_ns);
  std::int64_t passed_at(const CapturedFrame& frame) const;
  void count_dropped();
  void end_round();

  const CanaryConfig& config_;
  PacketRing& ring_;
  const int stop_fd_;
  kinds::SampleSink& sink_;
  SystemClock clock_;
  MarkerScan scan_;
  Servers servers_;
  Sightings sightings_;

  std::int64_t round_begin_ns_ = 0;
  std::uint64_t payloads_ = 0;  ///< in this round
  std::uint64_t parts_ = 0;     ///< of which only a part was captured
  std::uint64_t dropped_ = 0;
  std::int64_t complete_until_ns_ = 0;  ///< no packet was dropped before
  bool complete_ = true;                ///< none was dropped since either, in this round

  // What a packet's wall time means: of this pass over the ring and of the one before.
  std::int64_t mono_minus_wall_ns_ = 0;
  std::int64_t last_pass_ns_ = 0;
  std::int64_t this_pass_ns_ = 0;
};

void CanaryRun::run() {
  round_begin_ns_ = this_pass_ns_ = complete_until_ns_ = now_ns();
  ring_.start();
  constexpr std::int64_t period = Nanoseconds(round_period).count();
  for (std::int64_t due = round_begin_ns_ + period;;) {
    const bool stop = wait_to_look(stop_fd_, ring_.fd(), due);
    read_all();
    if (stop) break;
    if (now_ns() < due) continue;
    end_round();
    while (due <= round_begin_ns_) due += period;
  }
  // What passed before it was told to stop may be there to be read only now.
  const std::int64_t end_ns = now_ns() + longest_in_ring.count();
  while (now_ns() < end_ns) {
    wait_to_look(-1, ring_.fd(), end_ns);
    read_all();
  }
  end_round();
}

void CanaryRun::read_all() {
  last_pass_ns_ = this_pass_ns_;
  this_pass_ns_ = now_ns();
  mono_minus_wall_ns_ = this_pass_ns_ - clock_.wall().time_since_epoch().count();
  ring_.read([this](const CapturedFrame& frame) { read_frame(frame); });
}

void CanaryRun::read_frame(const CapturedFrame& frame) {
  const std::optional<Packet> packet = packet_in(frame);
  if (!packet) return;
  servers_.learn(*packet);
  if (!packet->payload.empty()) {
    ++payloads_;
    if (!frame.whole) ++parts_;
  }
  const std::optional<MarkerMatch> match = scan_.read(frame.interface, *packet);
  if (!match) return;
  const Conversation conversation = servers_.conversation(match->flow);
  const std::int64_t at_ns = passed_at(frame);
  if (sightings_.saw(conversation, at_ns)) tell(conversation, *match, frame, at_ns);
}

// The wall clock may be set between a packet and its reading: it can't be trusted beyond that.
std::int64_t CanaryRun::passed_at(const CapturedFrame& frame) const {
  const std::int64_t earliest = last_pass_ns_ - longest_in_ring.count();
  return std::clamp(frame.wall_ns + mono_minus_wall_ns_, earliest, std::max(earliest, now_ns()));
}

void CanaryRun::tell(const Conversation& conversation, const MarkerMatch& match,
                     const CapturedFrame& frame, std::int64_t at_ns) {
  count_dropped();
  const std::int64_t since_ns = complete_ ? at_ns : std::min(at_ns, complete_until_ns_);
  const WallTime wall{Nanoseconds(at_ns - mono_minus_wall_ns_)};
  sink_.found(sightings_.finding(
      conversation, at_ns, since_ns,
      fmt::format("first on {} at {}, {} -> {}: \"{}\"", device_name(frame.interface),
                  utc_text(wall), text_of(match.flow.from), text_of(match.flow.to),
                  excerpt(match, config_.marker))));
}

void CanaryRun::count_dropped() {
  const std::uint64_t more = ring_.take_dropped();
  dropped_ += more;
  if (more > 0) complete_ = false;
}

void CanaryRun::end_round() {
  count_dropped();
  const std::int64_t end_ns = now_ns();
  for (const kinds::Finding& finding : sightings_.take_over(end_ns)) sink_.found(finding);
  sink_.looked({.begin_ns = round_begin_ns_,
                .end_ns = end_ns,
                .checked = payloads_ + dropped_,
                .undecided = parts_ + dropped_});
  round_begin_ns_ = end_ns;
  if (complete_) complete_until_ns_ = end_ns;
  complete_ = true;
  payloads_ = parts_ = dropped_ = 0;
}

class CanaryProbe final : public kinds::Probe {
 public:
  explicit CanaryProbe(CanaryConfig config)
      : config_(std::move(config)), ring_(config_.ring_bytes) {}
  void run(int stop_fd, kinds::SampleSink& sink) override {
    CanaryRun(config_, ring_, stop_fd, sink).run();
  }

 private:
  CanaryConfig config_;
  PacketRing ring_;
};

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_plaintext_canary() {
  return std::make_unique<SimpleKind>(canary_info(), [](const kinds::json::object& config) {
    return std::make_unique<CanaryProbe>(parse_canary_config(config));
  });
}

}  // namespace nospof::probes
