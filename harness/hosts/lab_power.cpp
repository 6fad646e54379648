// Power over the hosts of a lab: a connection to its keeper.

#include <boost/json.hpp>
#include <fmt/format.h>

#include "hosts/transport.hpp"
#include "lab/keeper_client.hpp"
#include "system/check.hpp"

namespace nospof::hosts {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds off_deadline{10};
constexpr std::chrono::seconds on_deadline{30};

class LabPower final : public kinds::HostPower {
 public:
  explicit LabPower(const std::string& lab)
      : lab_(lab), client_(lab, lab::Layout::of(lab::state_root(), lab)) {}

  void off(const std::string& host, Nanoseconds at_most) override {
    client_.request("power_off", {{"host", host}, {"at_most_ns", at_most.count()}}, off_deadline);
  }
  void on(const std::string& host) override {
    client_.request("power_on", {{"host", host}}, on_deadline);
  }
  bool is_on(const std::string& host) const override { return condition(host).on; }
  void freeze(const std::string& host, Nanoseconds at_most) override {
    client_.request("freeze", {{"host", host}, {"at_most_ns", at_most.count()}}, off_deadline);
  }
  void thaw(const std::string& host) override {
    client_.request("thaw", {{"host", host}}, off_deadline);
  }
  void isolate(const std::string& host, Nanoseconds at_most) override {
    client_.request("isolate", {{"host", host}, {"at_most_ns", at_most.count()}}, off_deadline);
  }
  void rejoin(const std::string& host) override {
    client_.request("rejoin", {{"host", host}}, off_deadline);
  }
  void reboot(const std::string& host, Nanoseconds grace) override {
    client_.request("reboot", {{"host", host}, {"grace_ns", grace.count()}}, off_deadline);
  }
  kinds::HostCondition condition(const std::string& host) const override {
    const json::object entry = status_of(host);
    kinds::HostCondition condition;
    condition.on = entry.at("on").as_bool();
    condition.frozen = entry.at("frozen").as_bool();
    condition.connected = entry.at("connected").as_bool();
    condition.processes = entry.at("processes").to_number<int>();
    condition.cpu_us = entry.at("cpu_us").to_number<std::int64_t>();
    condition.boots = entry.at("boots").to_number<int>();
    condition.last_shutdown = std::string(entry.at("last_shutdown").as_string());
    return condition;
  }

 private:
  json::object status_of(const std::string& host) const {
    const json::object answer = client_.request("status", {}, off_deadline);
    for (const json::value& entry : answer.at("hosts").as_array())
      if (entry.at("name").as_string() == std::string_view(host)) return entry.as_object();
    throw Error(fmt::format("lab {} has no host {}", lab_, host));
  }

  std::string lab_;
  mutable lab::KeeperClient client_;  // asking changes nothing but the connection's counter
};

}  // namespace

std::unique_ptr<kinds::HostPower> lab_power(const std::string& lab_name) {
  return std::make_unique<LabPower>(lab_name);
}

}  // namespace nospof::hosts
