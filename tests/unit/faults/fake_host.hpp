#pragma once
// A host's supervisor and power as a test wants them to answer.

#include <map>
#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "system/check.hpp"

namespace nospof::test {

class FakeServices final : public kinds::ServiceManager {
 public:
  std::map<std::string, kinds::ServiceState> states;
  std::vector<std::string> calls;

  std::vector<std::string> list() const override {
    std::vector<std::string> names;
    for (const auto& [name, state] : states) names.push_back(name);
    return names;
  }
  kinds::ServiceState state(const std::string& service) const override {
    return states.at(service);
  }
  void hold_down(const std::string& service) override {
    calls.push_back("hold_down " + service);
    states.at(service).wanted_up = false;
  }
  void stop(const std::string& service) override {
    calls.push_back("stop " + service);
    states.at(service).wanted_up = false;
  }
  void start(const std::string& service) override { calls.push_back("start " + service); }
};

class FakePower final : public kinds::HostPower {
 public:
  std::map<std::string, bool> hosts;
  std::vector<std::pair<std::string, Nanoseconds>> switched_off;

  void off(const std::string& host, Nanoseconds at_most) override {
    switched_off.emplace_back(host, at_most);
    hosts.at(host) = false;
  }
  void on(const std::string& host) override { hosts.at(host) = true; }
  bool is_on(const std::string& host) const override { return hosts.at(host); }

  std::map<std::string, kinds::HostCondition> conditions;
  std::vector<std::string> calls;
  void freeze(const std::string& host, Nanoseconds at_most) override {
    calls.push_back("freeze " + host + " " + std::to_string(at_most.count() / 1'000'000));
    conditions.at(host).frozen = true;
  }
  void thaw(const std::string& host) override {
    calls.push_back("thaw " + host);
    conditions.at(host).frozen = false;
  }
  void isolate(const std::string& host, Nanoseconds at_most) override {
    calls.push_back("isolate " + host + " " + std::to_string(at_most.count() / 1'000'000));
    conditions.at(host).connected = false;
  }
  void rejoin(const std::string& host) override {
    calls.push_back("rejoin " + host);
    conditions.at(host).connected = true;
  }
  void reboot(const std::string& host, Nanoseconds grace) override {
    calls.push_back("reboot " + host + " " + std::to_string(grace.count() / 1'000'000));
  }
  kinds::HostCondition condition(const std::string& host) const override {
    return conditions.at(host);
  }
};

/// What an Error thrown by `work` says; empty when it threw none.
template <typename Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// lb1, lb2 -> web1, web2 (443) -> db1 (3306); a client; db1 knows no MAC.
inline kinds::StackView small_stack() {
  kinds::StackView stack;
  stack.hosts = {{"lb1", "198.18.0.11", "02:00:00:00:00:11", {"haproxy", "keepalived"}},
                 {"lb2", "198.18.0.12", "02:00:00:00:00:12", {"haproxy", "keepalived"}},
                 {"web1", "198.18.0.21", "02:00:00:00:00:21", {"nginx"}},
                 {"web2", "198.18.0.22", "02:00:00:00:00:22", {"nginx"}},
                 {"db1", "198.18.0.41", "", {"mariadb"}},
                 {"client", "198.18.0.101", "02:00:00:00:01:01", {}}};
  for (const std::string lb : {"lb1", "lb2"}) {
    stack.flows.push_back({"client", lb, 443});
    for (const std::string web : {"web1", "web2"}) stack.flows.push_back({lb, web, 443});
  }
  for (const std::string web : {"web1", "web2"}) stack.flows.push_back({web, "db1", 3306});
  stack.flows.push_back({"db1", "db1", 4567});
  return stack;
}

}  // namespace nospof::test
