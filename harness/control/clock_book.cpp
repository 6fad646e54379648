#include "control/clock_book.hpp"

#include <exception>
#include <optional>
#include <utility>

namespace nospof::control {

namespace {
using namespace std::chrono_literals;

/// The shortest of several round trips: the others met a busy machine, or a full network.
constexpr int exchanges = 8;
constexpr auto answer_within = 2000ms;

std::string text_of(const json::object& answer, const char* key) {
  const json::value* value = answer.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}
}  // namespace

ClockBook::ClockBook(Recorder& recorder, const Clock& clock, ClockIdentity own)
    : recorder_(recorder), clock_(clock), own_(std::move(own)) {}

asio::awaitable<void> ClockBook::read(std::string host, std::string of, Ask ask) {
  std::optional<verdict::ClockReading> best;
  ClockIdentity identity;
  int asked = 0;
  while (asked < exchanges && !(best && best->same)) {
    ++asked;
    verdict::ClockReading reading;
    reading.host = host;
    json::object answer;
    try {
      reading.sent_ns = clock_.now().time_since_epoch().count();
      answer = co_await ask(answer_within);
      reading.received_ns = clock_.now().time_since_epoch().count();
      reading.host_ns = answer.at("mono_ns").to_number<std::int64_t>();
      identity.boot_id = text_of(answer, "boot_id");
      identity.time_namespace = answer.at("time_namespace").to_number<std::uint64_t>();
    } catch (const std::exception&) {
      break;  // it is gone, or stands still; what it told before is as good as before
    }
    reading.boot_id = identity.boot_id;
    reading.same = own_.same_clock(identity);
    const auto round_trip = [](const verdict::ClockReading& one) {
      return one.received_ns - one.sent_ns;
    };
    if (!best || round_trip(reading) < round_trip(*best)) best = reading;
  }
  if (!best) co_return;
  recorder_.event("clock", {{"host", host},
                            {"of", of},
                            {"same", best->same},
                            {"boot_id", identity.boot_id},
                            {"time_namespace", identity.time_namespace},
                            {"sent_ns", best->sent_ns},
                            {"host_ns", best->host_ns},
                            {"received_ns", best->received_ns},
                            {"exchanges", asked}});
  readings_.push_back(*best);
  clocks_ = verdict::HostClocks(readings_);
}

bool ClockBook::is_own(const std::string& host) const {
  return clocks_.known(host) && clocks_.is_own(host);
}

std::int64_t ClockBook::to_own(const std::string& host, std::int64_t host_ns) const {
  return clocks_.is_own(host) ? host_ns : clocks_.to_own(host, host_ns);
}

}  // namespace nospof::control
