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
  bool is_on(const std::string& host) const override {
    const json::object answer = client_.request("status", {}, off_deadline);
    for (const json::value& entry : answer.at("hosts").as_array())
      if (entry.at("name").as_string() == std::string_view(host)) return entry.at("on").as_bool();
    throw Error(fmt::format("lab {} has no host {}", lab_, host));
  }

 private:
  std::string lab_;
  mutable lab::KeeperClient client_;  // asking changes nothing but the connection's counter
};

}  // namespace

std::unique_ptr<kinds::HostPower> lab_power(const std::string& lab_name) {
  return std::make_unique<LabPower>(lab_name);
}

}  // namespace nospof::hosts
