#include "faults/netem_parameters.hpp"

#include <array>
#include <limits>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

using Distribution = NetemSettings::Distribution;

constexpr std::array<std::pair<Distribution, const char*>, 4> distributions = {
    {{Distribution::uniform, "uniform"},
     {Distribution::normal, "normal"},
     {Distribution::pareto, "pareto"},
     {Distribution::paretonormal, "paretonormal"}}};

constexpr std::int64_t longest_ns = 3'600'000'000'000;
constexpr std::int64_t highest_rate = 1'000'000'000'000;
constexpr std::int64_t most_bytes = 65'535;
constexpr std::int64_t most_counted = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void refuse(const std::string& what) {
  throw Error("netem: " + what);
}

Distribution distribution_named(const std::string& text) {
  for (const auto& [value, name] : distributions)
    if (text == name) return value;
  refuse(
      fmt::format("distribution '{}' is unknown; known are uniform, normal, pareto and "
                  "paretonormal",
                  text));
}

const char* name_of(Distribution distribution) {
  for (const auto& [value, name] : distributions)
    if (value == distribution) return name;
  return "uniform";
}

struct ShareField {
  const char* key;  ///< in JSON
  const char* name;
  double NetemSettings::*share;
  double NetemSettings::*correlation;
};
constexpr std::array<ShareField, 3> share_fields = {
    {{"duplicate", "duplicate", &NetemSettings::duplicate, &NetemSettings::duplicate_correlation},
     {"corrupt", "corrupt", &NetemSettings::corrupt, &NetemSettings::corrupt_correlation},
     {"reorder", "reorder", &NetemSettings::reorder, &NetemSettings::reorder_correlation}}};

std::string percent(double share) {
  return fmt::format("{}%", static_cast<float>(share * 100));
}

std::vector<double> shares(const PlanReader& given, const std::string& name, std::size_t most) {
  std::vector<double> values;
  for (const std::string& text : given.texts(name)) {
    const auto value = spec::parse_percent(text);
    if (!value)
      refuse(fmt::format("parameter '{}': '{}' is no percentage from 0% to 100%", name, text));
    values.push_back(value->fraction);
  }
  if (values.empty() || values.size() > most)
    refuse(fmt::format("parameter '{}' takes one to {} percentages", name, most));
  return values;
}

// What is left out is as tc fills it in.
StateLoss state_loss(const std::vector<double>& values) {
  StateLoss loss{values[0], 1 - values[0], 0, 1, 0};
  const std::array<double*, 5> fields = {&loss.p13, &loss.p31, &loss.p32, &loss.p23, &loss.p14};
  for (std::size_t i = 0; i < values.size(); ++i) *fields[i] = values[i];
  return loss;
}

GemodelLoss gemodel_loss(const std::vector<double>& values) {
  GemodelLoss loss{values[0], 1 - values[0], 1, 0};
  const std::array<double*, 4> fields = {&loss.p, &loss.r, &loss.loss_in_bad, &loss.loss_in_good};
  for (std::size_t i = 0; i < values.size(); ++i) *fields[i] = values[i];
  return loss;
}

Loss read_loss(const PlanReader& given) {
  const int models = static_cast<int>(given.given("loss")) + given.given("loss-state") +
                     given.given("loss-gemodel");
  if (models > 1) refuse("loss, loss-state and loss-gemodel exclude each other; give one of them");
  if (given.given("loss-correlation") && !given.given("loss"))
    refuse("loss-correlation belongs to loss, which is not given");
  if (given.given("loss")) return RandomLoss{given.share("loss"), given.share("loss-correlation")};
  if (given.given("loss-state")) return state_loss(shares(given, "loss-state", 5));
  if (given.given("loss-gemodel")) return gemodel_loss(shares(given, "loss-gemodel", 4));
  return {};
}

void belongs_to(bool given, const char* name, bool present, const char* other) {
  if (given && !present) refuse(fmt::format("{} belongs to {}, which is not given", name, other));
}

bool loses(const Loss& loss) {
  if (const auto* random = std::get_if<RandomLoss>(&loss)) return random->share > 0;
  if (const auto* state = std::get_if<StateLoss>(&loss)) return state->p13 > 0 || state->p14 > 0;
  if (const auto* model = std::get_if<GemodelLoss>(&loss))
    return model->loss_in_good > 0 || (model->p > 0 && model->loss_in_bad > 0);
  return false;
}

NetemSettings checked(const NetemSettings& s) {
  const bool delayed = s.delay.count() > 0;
  const bool varied = s.jitter.count() > 0;
  const bool slotted = s.slot_min.count() > 0 || s.slot_max.count() > 0;
  belongs_to(varied, "jitter", delayed, "delay");
  belongs_to(s.delay_correlation > 0, "delay-correlation", varied, "jitter");
  belongs_to(s.distribution != Distribution::uniform, "distribution", varied, "jitter");
  for (const ShareField& field : share_fields)
    belongs_to(s.*field.correlation > 0, fmt::format("{}-correlation", field.name).c_str(),
               s.*field.share > 0, field.name);
  belongs_to(s.reorder > 0, "reorder", delayed, "delay");
  belongs_to(s.gap > 0, "gap", delayed, "delay");
  const bool limited = s.rate_bits > 0;
  belongs_to(s.packet_overhead != 0, "packet-overhead", limited, "rate");
  belongs_to(s.cell_size != 0, "cell-size", limited, "rate");
  belongs_to(s.cell_overhead != 0, "cell-overhead", s.cell_size != 0, "cell-size");
  belongs_to(s.slot_packets != 0, "slot-packets", slotted, "slot-min");
  belongs_to(s.slot_bytes != 0, "slot-bytes", slotted, "slot-min");
  if (s.slot_max < s.slot_min) refuse("slot-max is less than slot-min");
  if (s.rate_bits > 0 && s.rate_bits < 8) refuse("rate is less than 8bit/s");
  if (s.delay.count() > longest_ns || s.jitter.count() > longest_ns ||
      s.slot_max.count() > longest_ns)
    refuse("delay, jitter and slots are at most 1h");
  if (!delayed && !loses(s.loss) && s.duplicate <= 0 && s.corrupt <= 0 && !limited && !slotted)
    refuse("nothing is asked for; give delay, loss, duplicate, corrupt, rate or slot-min");
  return s;
}

std::int64_t counted(const PlanReader& given, const char* name, std::int64_t least,
                     std::int64_t most) {
  const std::int64_t value = given.integer(name);
  if (given.given(name) && (value < least || value > most))
    refuse(fmt::format("parameter '{}' must be a whole number from {} to {}", name, least, most));
  return value;
}

json::object loss_json(const Loss& loss) {
  if (const auto* random = std::get_if<RandomLoss>(&loss))
    return {{"model", "random"}, {"share", random->share}, {"correlation", random->correlation}};
  if (const auto* state = std::get_if<StateLoss>(&loss))
    return {{"model", "state"},  {"p13", state->p13}, {"p31", state->p31},
            {"p32", state->p32}, {"p23", state->p23}, {"p14", state->p14}};
  const auto& model = std::get<GemodelLoss>(loss);
  return {{"model", "gemodel"},
          {"p", model.p},
          {"r", model.r},
          {"loss_in_bad", model.loss_in_bad},
          {"loss_in_good", model.loss_in_good}};
}

Loss loss_from(const json::object& values) {
  PlacementReader reader("netem", values);
  const std::string model = reader.text("model");
  const auto share = [&reader](const char* name) { return reader.number_or(name, 0, 0, 1); };
  Loss loss;
  if (model == "random")
    loss = RandomLoss{share("share"), share("correlation")};
  else if (model == "state")
    loss = StateLoss{share("p13"), share("p31"), share("p32"), share("p23"), share("p14")};
  else if (model == "gemodel")
    loss = GemodelLoss{share("p"), share("r"), share("loss_in_bad"), share("loss_in_good")};
  else
    reader.refuse("model", "must be 'random', 'state' or 'gemodel'");
  reader.done();
  return loss;
}

std::string loss_text(const Loss& loss) {
  if (const auto* random = std::get_if<RandomLoss>(&loss))
    return fmt::format("loss {}{}", percent(random->share),
                       random->correlation > 0
                           ? fmt::format(" (correlation {})", percent(random->correlation))
                           : "");
  if (const auto* s = std::get_if<StateLoss>(&loss))
    return fmt::format("loss by states p13 {} p31 {} p32 {} p23 {} p14 {}", percent(s->p13),
                       percent(s->p31), percent(s->p32), percent(s->p23), percent(s->p14));
  const auto& model = std::get<GemodelLoss>(loss);
  return fmt::format("loss by Gilbert-Elliott p {} r {}, {} lost in bad and {} in good",
                     percent(model.p), percent(model.r), percent(model.loss_in_bad),
                     percent(model.loss_in_good));
}

}  // namespace

std::vector<spec::ParameterInfo> netem_parameters() {
  using Type = spec::ParameterType;
  const auto one = [](const char* name, Type type, const char* doc, const char* fallback = "") {
    return spec::ParameterInfo{name, type, false, fallback, {}, doc, false};
  };
  std::vector<spec::ParameterInfo> list = {
      one("delay", Type::duration, "Every packet is held back for this time."),
      one("jitter", Type::duration, "How far the delay varies: sigma of its distribution."),
      one("delay-correlation", Type::percent, "How much one delay depends on the one before."),
      one("distribution", Type::text, "Distribution of the delay around its mean.", "uniform"),
      one("loss", Type::percent, "Share of packets that vanish, each on its own."),
      one("loss-correlation", Type::percent, "How much one loss depends on the one before."),
      one("loss-state", Type::text_list,
          "Loss by a Markov chain with four states: P13, P31, P32, P23, P14 as percentages."),
      one("loss-gemodel", Type::text_list,
          "Loss by Gilbert-Elliott: p, r, loss in bad (1-h), loss in good (1-k) as percentages."),
      one("duplicate", Type::percent, "Share of packets that are sent twice."),
      one("duplicate-correlation", Type::percent, "How much it depends on the packet before."),
      one("corrupt", Type::percent, "Share of packets that get one bit flipped."),
      one("corrupt-correlation", Type::percent, "How much it depends on the packet before."),
      one("reorder", Type::percent, "Share of packets that are sent at once, without the delay."),
      one("reorder-correlation", Type::percent, "How much it depends on the packet before."),
      one("gap", Type::integer, "Only every packet of this number can be sent at once."),
      one("rate", Type::bandwidth, "Bits per second that get through."),
      one("packet-overhead", Type::integer, "Bytes added to every packet's length, for the rate."),
      one("cell-size", Type::integer, "Bytes of a cell that packets are cut into, for the rate."),
      one("cell-overhead", Type::integer, "Bytes added to every cell, for the rate."),
      one("slot-min", Type::duration, "Packets leave in slots at least this far apart."),
      one("slot-max", Type::duration, "Slots are at most this far apart; else as slot-min."),
      one("slot-packets", Type::integer, "Most packets in one slot; 0: any number.", "0"),
      one("slot-bytes", Type::integer, "Most bytes in one slot; 0: any number.", "0"),
      one("limit", Type::integer, "Packets held back at once; the rest is dropped.", "1000")};
  for (spec::ParameterInfo& parameter : list)
    if (parameter.name == "distribution")
      for (const auto& [value, name] : distributions) parameter.choices.emplace_back(name);
  return list;
}

NetemSettings netem_settings(const PlanReader& given) {
  NetemSettings s;
  s.delay = given.duration("delay");
  s.jitter = given.duration("jitter");
  s.delay_correlation = given.share("delay-correlation");
  s.distribution = distribution_named(given.text("distribution"));
  s.loss = read_loss(given);
  for (const ShareField& field : share_fields) {
    s.*field.share = given.share(field.name);
    s.*field.correlation = given.share(fmt::format("{}-correlation", field.name));
  }
  s.gap = static_cast<std::uint32_t>(counted(given, "gap", 1, most_counted));
  if (s.reorder > 0 && s.gap == 0) s.gap = 1;
  s.rate_bits = given.bandwidth("rate").bits_per_second;
  s.packet_overhead =
      static_cast<std::int32_t>(counted(given, "packet-overhead", -most_bytes, most_bytes));
  s.cell_size = static_cast<std::uint32_t>(counted(given, "cell-size", 1, most_bytes));
  s.cell_overhead =
      static_cast<std::int32_t>(counted(given, "cell-overhead", -most_bytes, most_bytes));
  s.slot_min = given.duration("slot-min");
  s.slot_max = given.given("slot-max") ? given.duration("slot-max") : s.slot_min;
  belongs_to(given.given("slot-max"), "slot-max", given.given("slot-min"), "slot-min");
  s.slot_packets = static_cast<std::int32_t>(counted(given, "slot-packets", 0, most_counted));
  s.slot_bytes = static_cast<std::int32_t>(counted(given, "slot-bytes", 0, most_counted));
  s.limit = static_cast<std::uint32_t>(counted(given, "limit", 1, most_counted));
  return checked(s);
}

json::object netem_json(const NetemSettings& s) {
  const NetemSettings normal;
  json::object values;
  const auto put = [&values](const char* name, auto value, auto usual) {
    if (value != usual) values[name] = value;
  };
  put("delay_ns", s.delay.count(), normal.delay.count());
  put("jitter_ns", s.jitter.count(), normal.jitter.count());
  put("delay_correlation", s.delay_correlation, 0.0);
  if (s.distribution != normal.distribution) values["distribution"] = name_of(s.distribution);
  if (!std::holds_alternative<std::monostate>(s.loss)) values["loss"] = loss_json(s.loss);
  for (const ShareField& field : share_fields) {
    put(field.key, s.*field.share, 0.0);
    put(fmt::format("{}_correlation", field.key).c_str(), s.*field.correlation, 0.0);
  }
  put("gap", s.gap, normal.gap);
  put("rate_bits", s.rate_bits, normal.rate_bits);
  put("packet_overhead", s.packet_overhead, normal.packet_overhead);
  put("cell_size", s.cell_size, normal.cell_size);
  put("cell_overhead", s.cell_overhead, normal.cell_overhead);
  put("slot_min_ns", s.slot_min.count(), normal.slot_min.count());
  put("slot_max_ns", s.slot_max.count(), normal.slot_max.count());
  put("slot_packets", s.slot_packets, normal.slot_packets);
  put("slot_bytes", s.slot_bytes, normal.slot_bytes);
  put("limit", s.limit, normal.limit);
  return values;
}

NetemSettings netem_settings(const json::object& values) {
  PlacementReader reader("netem", values);
  NetemSettings s;
  s.delay = Nanoseconds(reader.integer_or("delay_ns", 0, 0, longest_ns));
  s.jitter = Nanoseconds(reader.integer_or("jitter_ns", 0, 0, longest_ns));
  s.delay_correlation = reader.number_or("delay_correlation", 0, 0, 1);
  s.distribution = distribution_named(reader.text_or("distribution", "uniform"));
  if (const auto loss = reader.object_or_none("loss")) s.loss = loss_from(*loss);
  for (const ShareField& field : share_fields) {
    s.*field.share = reader.number_or(field.key, 0, 0, 1);
    s.*field.correlation = reader.number_or(fmt::format("{}_correlation", field.key), 0, 0, 1);
  }
  s.gap = static_cast<std::uint32_t>(reader.integer_or("gap", 0, 0, most_counted));
  s.rate_bits = static_cast<std::uint64_t>(reader.integer_or("rate_bits", 0, 0, highest_rate));
  s.packet_overhead =
      static_cast<std::int32_t>(reader.integer_or("packet_overhead", 0, -most_bytes, most_bytes));
  s.cell_size = static_cast<std::uint32_t>(reader.integer_or("cell_size", 0, 0, most_bytes));
  s.cell_overhead =
      static_cast<std::int32_t>(reader.integer_or("cell_overhead", 0, -most_bytes, most_bytes));
  s.slot_min = Nanoseconds(reader.integer_or("slot_min_ns", 0, 0, longest_ns));
  s.slot_max = Nanoseconds(reader.integer_or("slot_max_ns", 0, 0, longest_ns));
  s.slot_packets = static_cast<std::int32_t>(reader.integer_or("slot_packets", 0, 0, most_counted));
  s.slot_bytes = static_cast<std::int32_t>(reader.integer_or("slot_bytes", 0, 0, most_counted));
  s.limit = static_cast<std::uint32_t>(
      reader.integer_or("limit", NetemSettings{}.limit, 1, most_counted));
  reader.done();
  return checked(s);
}

std::string netem_text(const NetemSettings& s) {
  std::vector<std::string> parts;
  const auto say = [&parts](bool there, auto... words) {
    if (there) parts.push_back(fmt::format(words...));
  };
  const auto time = [](Nanoseconds value) { return spec::format_duration(value); };
  if (s.delay.count() > 0) {
    std::string text = "delay " + time(s.delay);
    if (s.jitter.count() > 0)
      text += fmt::format(" with jitter {} ({})", time(s.jitter), name_of(s.distribution));
    if (s.delay_correlation > 0)
      text += fmt::format(", correlation {}", percent(s.delay_correlation));
    parts.push_back(std::move(text));
  }
  if (!std::holds_alternative<std::monostate>(s.loss)) parts.push_back(loss_text(s.loss));
  for (const ShareField& field : share_fields)
    if (s.*field.share > 0)
      parts.push_back(fmt::format("{} {}", field.name, percent(s.*field.share)));
  say(s.gap > 1, FMT_STRING("gap {}"), s.gap);
  say(s.rate_bits > 0, FMT_STRING("rate {}"), spec::format_bandwidth({s.rate_bits}));
  say(s.slot_max.count() > 0, FMT_STRING("slots {} to {} apart"), time(s.slot_min),
      time(s.slot_max));
  say(s.limit != NetemSettings{}.limit, FMT_STRING("limit {} packets"), s.limit);
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace nospof::faults
