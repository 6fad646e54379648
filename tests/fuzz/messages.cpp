// What comes to an agent, a prober or the controller from elsewhere: lines, requests, journals,
// configurations, and what a prober says.

#include <boost/json/parse.hpp>

#include "agent/arguments.hpp"
#include "agent/journal.hpp"
#include "agent/lines.hpp"
#include "control/prober_message.hpp"
#include "kinds/reload.hpp"
#include "probes/canary_config.hpp"
#include "probes/dns_verdict.hpp"
#include "probes/exec_verdict.hpp"
#include "probes/firewall_config.hpp"
#include "probes/http_config.hpp"
#include "probes/ledger_config.hpp"
#include "probes/monitoring_config.hpp"
#include "probes/tls_path_config.hpp"
#include "probes/vip_config.hpp"
#include "system/check.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

using namespace nospof;
using fuzz::must;
using fuzz::try_to;
namespace json = boost::json;

namespace {

void read_arguments(const json::object& fields) {
  for (const auto& [key, value] : fields) {
    const std::string name(key);
    const char* wanted = name.c_str();
    agent::Arguments arguments(fields);
    try_to([&] { arguments.text(wanted); });
    try_to([&] { arguments.optional_text(wanted); });
    try_to([&] { arguments.integer(wanted, -5, 5); });
    try_to([&] { arguments.milliseconds(wanted, {}, std::chrono::milliseconds(5)); });
    try_to([&] { arguments.object(wanted); });
    try_to([&] { arguments.array(wanted, 3); });
    try_to([&] { arguments.texts(wanted, 3); });
    try_to([&] { arguments.finish(); });
  }
}

void read_configurations(const json::object& fields) {
  try_to([&] { probes::parse_http_config("https", probes::UrlSchemes::https, fields); });
  try_to([&] { probes::parse_http_config("http", probes::UrlSchemes::either, fields); });
  try_to([&] { probes::parse_dns_config(fields); });
  try_to([&] { probes::parse_exec_config(fields); });
  try_to([&] { probes::parse_monitoring_config(fields); });
  try_to([&] { probes::parse_tls_path_config(fields); });
  try_to([&] { probes::parse_firewall_config(fields); });
  try_to([&] { probes::parse_canary_config(fields); });
  try_to([&] { probes::parse_vip_config(fields); });
  try_to([&] { probes::parse_ledger_config(fields); });
  try_to([&] { kinds::reload_from_json(fields); });
}

void read_prober_message(const json::object& message) {
  control::ProberEvents events;
  events.samples = [](const std::string&, const std::vector<kinds::Sample>& samples) {
    for (const kinds::Sample& sample : samples) kinds::outcome_name(sample.outcome);
  };
  events.lateness = [](const std::string&, std::int64_t) {};
  events.found = [](const std::string&, const kinds::Finding&) {};
  events.looked = [](const std::string&, const kinds::Round&) {};
  events.expects = [](const std::string&, const std::vector<kinds::Expectation>&) {};
  events.decided = [](const std::string&, const std::vector<std::size_t>&) {};
  events.operated = [](const std::string&, const std::vector<kinds::Operation>& operations) {
    for (const kinds::Operation& operation : operations)
      must(kinds::operation_from_json(kinds::operation_json(operation)) == operation);
  };
  try {
    control::take_prober_message(message, events);
  } catch (const std::exception&) {
  }
}

void read_line(const agent::LineSplitter::Line& line) {
  const std::string text = agent::valid_utf8(line.text);
  must(agent::valid_utf8(text) == text);
  boost::system::error_code error;
  const json::value value = json::parse(line.text, error);
  if (error || !value.is_object()) return;
  const json::object& fields = value.as_object();
  read_arguments(fields);
  read_configurations(fields);
  read_prober_message(fields);
  // An undo record that was kept comes back.
  const json::object kept{{"undo", 1}, {"injection", "i"}, {"record", fields}};
  try_to([&] {
    const auto journal = agent::parse_journal(agent::journal_line(kept));
    must(journal.open.size() == 1 && journal.unreadable == 0);
  });
}

}  // namespace

namespace nospof::fuzz {

void messages(std::string_view text) {
  agent::parse_journal(text);
  agent::LineSplitter lines(600);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    lines.push(text.substr(at, 7));
    while (const auto line = lines.next()) {
      must(line->text.size() <= 600 && (!line->too_long || line->text.empty()));
      read_line(*line);
    }
  }
}

}  // namespace nospof::fuzz
