// What comes to an agent or a prober from elsewhere: lines, requests, journals, configurations.

#include <cstdint>

#include <boost/json/parse.hpp>

#include "agent/arguments.hpp"
#include "agent/journal.hpp"
#include "agent/lines.hpp"
#include "kinds/reload.hpp"
#include "probes/canary_config.hpp"
#include "probes/dns_verdict.hpp"
#include "probes/exec_verdict.hpp"
#include "probes/firewall_config.hpp"
#include "probes/http_config.hpp"
#include "probes/monitoring_config.hpp"
#include "probes/tls_path_config.hpp"
#include "probes/vip_config.hpp"
#include "system/check.hpp"

using namespace nospof;
namespace json = boost::json;

namespace {

template <typename Reader>
void try_to(const Reader& reader) {
  try {
    reader();
  } catch (const Error&) {
  }
}

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
  try_to([&] { probes::parse_dns_config(fields); });
  try_to([&] { probes::parse_exec_config(fields); });
  try_to([&] { probes::parse_monitoring_config(fields); });
  try_to([&] { probes::parse_tls_path_config(fields); });
  try_to([&] { probes::parse_firewall_config(fields); });
  try_to([&] { probes::parse_canary_config(fields); });
  try_to([&] { probes::parse_vip_config(fields); });
  try_to([&] { kinds::reload_from_json(fields); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  agent::parse_journal(text);
  agent::LineSplitter lines(300);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    lines.push(text.substr(at, 7));
    while (const auto line = lines.next()) {
      agent::valid_utf8(line->text);
      boost::system::error_code error;
      const json::value value = json::parse(line->text, error);
      if (error || !value.is_object()) continue;
      read_arguments(value.as_object());
      read_configurations(value.as_object());
    }
  }
  return 0;
}
