#pragma once
// A real agent on a host of a real lab, started as the controller starts it.

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "hosts/transport.hpp"
#include "lab_fixture.hpp"
#include "tests/support/agent_process.hpp"

namespace nospof::test {

namespace json = boost::json;

class LabAgent {
 public:
  LabAgent(lab::Lab& lab, const std::string& host)
      : transport_(hosts::lab_transport(lab)),
        process_(transport_->start(host, hosts::lab_agent_arguments(lab, host))) {
    json::object fields;
    fields["ttl_ms"] = 60'000;
    ask("lease", std::move(fields));
  }

  /// The answer; throws with its text when the agent refuses.
  json::object ask(const std::string& op, json::object fields) {
    json::object answer = answer_to(op, std::move(fields));
    if (!answer.at("ok").as_bool()) throw Error(json::serialize(answer));
    return answer;
  }
  /// Why the agent refuses it; empty when it does not.
  std::string refusal(const std::string& op, json::object fields) {
    const json::object answer = answer_to(op, std::move(fields));
    return answer.at("ok").as_bool() ? std::string() : std::string(answer.at("error").as_string());
  }

  static json::object request(const std::string& fault, json::object parameters) {
    parameters["duration_ms"] = 60'000;
    json::object fields;
    fields["fault"] = fault;
    fields["parameters"] = std::move(parameters);
    return fields;
  }
  json::object inject(const std::string& id, const std::string& fault, json::object parameters) {
    json::object fields = request(fault, std::move(parameters));
    fields["injection"] = id;
    fields["duration_ms"] = 60'000;
    fields["confirm_ms"] = 30'000;
    return ask("inject", std::move(fields));
  }
  json::object heal(const std::string& id) {
    json::object fields;
    fields["injection"] = id;
    fields["confirm_ms"] = 30'000;
    return ask("heal", std::move(fields));
  }
  pid_t understudy() { return ask("status", {}).at("understudy").to_number<pid_t>(); }
  /// Without a farewell, as a crash ends it.
  void kill() {
    process_.child.signal(SIGKILL);
    process_.child.wait(30s);
  }

 private:
  json::object answer_to(const std::string& op, json::object fields) {
    const std::int64_t id = ++last_id_;
    fields["id"] = id;
    fields["op"] = op;
    write_all(process_.to_stdin.get(), json::serialize(fields) + "\n", "agent");
    for (;;) {
      while (const auto line = lines_.next()) {
        json::object message = json::parse(line->text).as_object();
        const json::value* found = message.if_contains("id");
        if (found != nullptr && found->is_int64() && found->as_int64() == id) return message;
      }
      pollfd entry{process_.from_stdout.get(), POLLIN, 0};
      if (::poll(&entry, 1, 60'000) <= 0) throw Error("the agent says nothing to " + op);
      std::array<char, 65536> block{};
      const ssize_t n = ::read(process_.from_stdout.get(), block.data(), block.size());
      if (n <= 0) throw Error("the agent's output ended at " + op);
      lines_.push(std::string_view(block.data(), static_cast<std::size_t>(n)));
    }
  }

  std::unique_ptr<hosts::Transport> transport_;
  hosts::RemoteProcess process_;
  agent::LineSplitter lines_{1U << 20U};
  std::int64_t last_id_ = 0;
};

inline std::string evidence(const json::object& answer) {
  return std::string(answer.at("evidence").as_string());
}
inline void expect_confirmed(const json::object& answer) {
  EXPECT_TRUE(answer.at("confirmed").as_bool()) << json::serialize(answer);
}
inline void expect_healed(const json::object& answer) {
  EXPECT_TRUE(answer.at("healed").as_bool()) << json::serialize(answer);
  expect_confirmed(answer);
}

}  // namespace nospof::test
