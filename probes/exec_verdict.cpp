#include "probes/exec_verdict.hpp"

#include <cerrno>

#include <boost/json/value.hpp>
#include <sys/wait.h>

#include "probes/config_keys.hpp"
#include "probes/json_field.hpp"
#include "system/check.hpp"

namespace nospof::probes {

using kinds::Outcome;

namespace {
constexpr std::uint64_t most_in_flight = 1000;
}  // namespace

Pace exec_pace() {
  Pace pace;
  pace.max_in_flight = 4;
  return pace;
}

ExecConfig parse_exec_config(const boost::json::object& json) {
  ExecConfig config;
  ConfigKeys keys("exec probe", json);
  config.argv = keys.texts("argv");
  if (config.argv.empty() || config.argv[0].empty()) keys.refuse("argv is missing or empty");
  for (const std::string& argument : config.argv)
    if (argument.find('\0') != std::string::npos) keys.refuse("argv has a zero byte in it");
  config.expect_exit = static_cast<int>(keys.integer("expect_exit", 0, 0, 255));
  config.field = keys.text("field", "");
  const std::string expect = keys.text("expect", "");
  if (config.field.empty() != expect.empty())
    keys.refuse(expect.empty() ? "field without expect" : "expect without field");
  if (!expect.empty()) {
    try {
      config.expect = spec::parse_number_tolerance(expect);
    } catch (const Error& e) {
      keys.refuse(std::string("expect: ") + e.what());
    }
  }
  config.pace = parse_pace(keys, exec_pace());
  if (config.pace.max_in_flight > most_in_flight)
    keys.refuse("max_in_flight", json.at("max_in_flight"), "at most 1000");
  keys.refuse_unknown();
  return config;
}

Failure judge_command(const ExecConfig& config, int wait_status, const std::string& output) {
  const int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
  if (code != config.expect_exit)
    return {Outcome::command_failed, static_cast<std::uint16_t>(code)};
  if (!config.expect) return {Outcome::ok, 0};
  if (output.size() > exec_output_limit) return {Outcome::no_data, EMSGSIZE};
  const JsonNumber number = json_number_at(output, config.field);
  if (!number.is_json) return {Outcome::no_data, EBADMSG};
  if (!number.value) return {Outcome::no_data, 0};
  return {config.expect->holds(*number.value) ? Outcome::ok : Outcome::wrong_body, 0};
}

}  // namespace nospof::probes
