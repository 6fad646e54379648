#include "probes/icmp.hpp"

#include <map>
#include <random>

#include <arpa/inet.h>
#include <boost/json/value.hpp>
#include <fcntl.h>

#include "probes/endpoint.hpp"
#include "probes/icmp_packet.hpp"
#include "probes/icmp_socket.hpp"
#include "probes/open_loop.hpp"
#include "probes/probe_kind.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace {

constexpr int sequence_numbers = 65'536;  // 16 bits
constexpr std::uint64_t most_in_flight = 32'768;
constexpr std::int64_t largest_payload = 65'507;

struct IcmpConfig {
  std::string address;
  std::size_t payload_bytes = 56;
  Pace pace;
};

Pace icmp_pace() {
  Pace pace;
  pace.max_in_flight = 1000;
  return pace;
}

IcmpConfig parse_icmp_config(const kinds::json::object& json) {
  IcmpConfig config;
  ConfigKeys keys("icmp probe", json);
  config.address = keys.required_text("address");
  in_addr ignored{};
  if (::inet_pton(AF_INET, config.address.c_str(), &ignored) != 1)
    keys.refuse("address", json.at("address"), "an IPv4 address");
  config.payload_bytes = static_cast<std::size_t>(
      keys.integer("payload_bytes", 56, EchoPayload::smallest, largest_payload));
  config.pace = parse_pace(keys, icmp_pace());
  if (config.pace.max_in_flight > most_in_flight)
    keys.refuse("max_in_flight", json.at("max_in_flight"), "at most 32768");
  const Schedule& schedule = config.pace.schedule;
  const double fastest = std::max(schedule.rate_per_second, schedule.ramp_to_per_second);
  if (fastest * std::chrono::duration<double>(config.pace.timeout).count() >= sequence_numbers)
    keys.refuse("timeout_ns: more than 65,535 requests would be due within one deadline");
  keys.refuse_unknown();
  return config;
}

std::uint64_t chance() {
  std::random_device entropy;
  return (std::uint64_t{entropy()} << 32U) | entropy();
}

struct Echo final : Attempt {};

class IcmpRun final : public OpenLoopOf<Echo> {
 public:
  IcmpRun(const IcmpConfig& config, const Endpoint& endpoint, int stop_fd, kinds::SampleSink& sink)
      : OpenLoopOf(config.pace, stop_fd, sink),
        payload_(chance(), chance(), config.payload_bytes),
        socket_(endpoint, static_cast<std::uint16_t>(chance())),
        watched_(reactor(),
                 UniqueFd(check("duplicate a socket", ::fcntl(socket_.fd(), F_DUPFD_CLOEXEC, 0))),
                 [this] { take_all(); }) {
    watched_.wait_for(WatchedFd::For::reading);
  }

 private:
  void begin(Echo& echo) override {
    const auto sequence = static_cast<std::uint16_t>(echo.sequence);
    const int error_number = socket_.send(sequence, payload_.of(echo.sequence));
    if (error_number != 0) return finish(echo, refusal_failure(error_number), now());
    on_their_way_[sequence] = &echo;
  }

  Failure expire(Echo& echo) override {
    on_their_way_.erase(static_cast<std::uint16_t>(echo.sequence));
    return deadline_failure(true);
  }
  void before_expiry() override { take_all(); }

  void take_all() {
    while (const auto answer = socket_.next_answer()) take(*answer);
    while (const auto refusal = socket_.next_refusal()) {
      Echo* echo = take_off(refusal->sequence);
      if (echo != nullptr) finish(*echo, refusal->failure, now());
    }
  }

  void take(const IcmpSocket::Answer& answer) {
    const auto found = on_their_way_.find(answer.sequence);
    if (found == on_their_way_.end()) return;
    const auto sequence = payload_.sequence_of(answer.payload);
    // An answer to a request that was given up long ago.
    if (sequence && *sequence != found->second->sequence) return;
    Echo& echo = *take_off(answer.sequence);
    const MonoTime came = std::max(answer.came, echo.started);
    const bool right = answer.payload == payload_.of(echo.sequence);
    finish(echo, right ? judged(echo, 0, came) : Failure{kinds::Outcome::wrong_body, 0}, came);
  }

  Echo* take_off(std::uint16_t sequence) {
    const auto found = on_their_way_.find(sequence);
    if (found == on_their_way_.end()) return nullptr;
    Echo* echo = found->second;
    on_their_way_.erase(found);
    return echo;
  }

  EchoPayload payload_;
  IcmpSocket socket_;
  WatchedFd watched_;
  std::map<std::uint16_t, Echo*> on_their_way_;
};

class IcmpProbe final : public kinds::Probe {
 public:
  explicit IcmpProbe(IcmpConfig config)
      : config_(std::move(config)), endpoint_(resolve_endpoint(config_.address, 0)) {
    const IcmpSocket to_be_allowed(endpoint_, 0);
  }

  void run(int stop_fd, kinds::SampleSink& sink) override {
    IcmpRun(config_, endpoint_, stop_fd, sink).run();
  }

 private:
  IcmpConfig config_;
  Endpoint endpoint_;
};

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_icmp() {
  using spec::ParameterType;
  spec::KindInfo info;
  info.name = "icmp";
  info.summary = "echo requests at a set rate, timed by the kernel";
  info.parameters = pace_parameters(icmp_pace());
  info.parameters.push_back({"address", ParameterType::text, true, "", {}, "IPv4 address"});
  info.parameters.push_back(
      {"payload-bytes", ParameterType::integer, false, "56", {}, "size of a request's payload"});
  return std::make_unique<SimpleKind>(std::move(info), [](const kinds::json::object& config) {
    return std::make_unique<IcmpProbe>(parse_icmp_config(config));
  });
}

}  // namespace nospof::probes
