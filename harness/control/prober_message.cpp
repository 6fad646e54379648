#include "control/prober_message.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::control {

namespace json = boost::json;

namespace {

kinds::Sample sample_from(const json::array& fields) {
  const auto number = [&](std::size_t i) { return fields.at(i).to_number<std::int64_t>(); };
  kinds::Sample sample;
  sample.sequence = fields.at(0).to_number<std::uint64_t>();
  sample.scheduled_ns = number(1);
  sample.started_ns = number(2);
  sample.finished_ns = number(3);
  const std::int64_t outcome = number(4);
  if (outcome < 0 || outcome >= static_cast<std::int64_t>(kinds::outcome_count))
    throw Error(fmt::format("unknown outcome {}", outcome));
  sample.outcome = static_cast<kinds::Outcome>(outcome);
  sample.detail = fields.at(5).to_number<std::uint16_t>();
  return sample;
}

kinds::Finding finding_from(const json::object& fields) {
  const auto number = [&](const char* key) { return fields.at(key).to_number<std::int64_t>(); };
  const auto text = [&](const char* key) { return std::string(fields.at(key).as_string()); };
  return {number("at_ns"),
          number("since_ns"),
          text("what"),
          text("subject"),
          text("detail"),
          fields.at("violation").as_bool(),
          fields.at("over").as_bool(),
          fields.at("count").to_number<std::uint64_t>()};
}

kinds::Round round_from(const json::array& fields) {
  return {fields.at(0).to_number<std::int64_t>(), fields.at(1).to_number<std::int64_t>(),
          fields.at(2).to_number<std::uint64_t>(), fields.at(3).to_number<std::uint64_t>()};
}

std::vector<kinds::Expectation> expectations_from(const json::array& list) {
  std::vector<kinds::Expectation> all;
  for (const json::value& entry : list)
    all.push_back({std::string(entry.as_array().at(0).as_string()),
                   std::string(entry.as_array().at(1).as_string())});
  return all;
}

std::vector<std::size_t> places_from(const json::array& list) {
  std::vector<std::size_t> places;
  for (const json::value& entry : list) places.push_back(entry.to_number<std::size_t>());
  return places;
}

}  // namespace

ProberState take_prober_message(const json::object& message, const ProberEvents& events) {
  const json::value* name = message.if_contains("of");
  const std::string of = name != nullptr ? std::string(name->as_string()) : std::string();
  if (const auto* samples = message.if_contains("samples"); samples && events.samples) {
    std::vector<kinds::Sample> batch;
    for (const json::value& entry : samples->as_array())
      batch.push_back(sample_from(entry.as_array()));
    events.samples(of, batch);
  }
  if (const auto* lateness = message.if_contains("lateness_ns"); lateness && events.lateness)
    events.lateness(of, lateness->to_number<std::int64_t>());
  if (const auto* found = message.if_contains("found"); found && events.found)
    events.found(of, finding_from(found->as_object()));
  if (const auto* looked = message.if_contains("looked"); looked && events.looked)
    events.looked(of, round_from(looked->as_array()));
  if (const auto* expects = message.if_contains("expects"); expects && events.expects)
    events.expects(of, expectations_from(expects->as_array()));
  if (const auto* decided = message.if_contains("decided"); decided && events.decided)
    events.decided(of, places_from(decided->as_array()));
  if (const auto* operated = message.if_contains("operated"); operated && events.operated) {
    std::vector<kinds::Operation> batch;
    for (const json::value& entry : operated->as_array())
      batch.push_back(kinds::operation_from_json(entry.as_array()));
    events.operated(of, batch);
  }
  ProberState state;
  if (const auto* error = message.if_contains("error"))
    state.error = fmt::format("{}{}{}", of, of.empty() ? "" : ": ", error->as_string().c_str());
  state.done = message.contains("done");
  if (const auto* clock = message.if_contains("clock"))
    state.clock = clock->to_number<std::int64_t>();
  return state;
}

}  // namespace nospof::control
