#include "probes/tls_path_config.hpp"

#include <algorithm>
#include <set>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "probes/config_keys.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_targets = 500;
constexpr std::size_t digits_of_sha256 = 64;

bool is_key_hash(const std::string& text) {
  return text.size() == digits_of_sha256 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

void read_own_certificate(ConfigKeys& keys, TlsPathTarget& target) {
  target.certificate_file = keys.text("certificate_file", "");
  target.key_file = keys.text("key_file", "");
  if (target.certificate_file.empty() && !target.key_file.empty())
    keys.refuse("key_file", json::value(target.key_file), "certificate_file beside it");
  if (!target.certificate_file.empty() && target.key_file.empty())
    keys.refuse("certificate_file", json::value(target.certificate_file), "key_file beside it");
}

TlsPathTarget read_target(const json::object& object, std::size_t number, const std::string& from) {
  ConfigKeys keys(fmt::format("tls-path probe: target {}", number), object);
  TlsPathTarget target;
  const std::string name = keys.required_text("name");
  target.address = keys.required_text("address");
  target.port = static_cast<int>(keys.required_integer("port", 1, 65535));
  const std::string where = keys.text("via_text", target.address);
  target.subject = fmt::format("{}: {} -> {}:{}", name, from, where, target.port);
  target.starttls = keys.choice("starttls", {"", "mysql", "postgresql"});
  target.identity = keys.required_text("identity");
  target.authority_file = keys.required_text("authority_file");
  target.expect_keys = keys.texts("expect_keys");
  for (const std::string& key : target.expect_keys)
    if (!is_key_hash(key))
      keys.refuse("expect_keys", json::value(key), "a SHA-256 as 64 lower-case hex digits");
  read_own_certificate(keys, target);
  target.client_certificate = keys.boolean("client_certificate", false);
  target.ask_http = keys.boolean("ask_http", target.starttls.empty());
  if (target.ask_http && !target.starttls.empty())
    keys.refuse("ask_http", json::value(true), "no starttls beside it");
  target.valid_for = keys.duration("valid_for_ns", target.valid_for, 0ns, 24h * 36500);
  target.min_protocol = keys.choice("min_protocol", {"TLSv1.2", "TLSv1.3"});
  keys.refuse_unknown();
  return target;
}

}  // namespace

TlsPathConfig parse_tls_path_config(const json::object& object) {
  TlsPathConfig config;
  ConfigKeys keys("tls-path probe", object);
  const std::string from = keys.required_text("from");
  config.every = keys.duration("every_ns", config.every, 1ms, 1h);
  std::set<std::string> subjects;
  for (const json::object* target : keys.objects("targets", most_targets)) {
    config.targets.push_back(read_target(*target, config.targets.size() + 1, from));
    if (!subjects.insert(config.targets.back().subject).second)
      throw Error(fmt::format("tls-path probe: target {}: '{}' is there twice",
                              config.targets.size(), config.targets.back().subject));
  }
  keys.refuse_unknown();
  return config;
}

}  // namespace nospof::probes
