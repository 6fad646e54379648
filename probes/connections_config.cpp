#include "probes/connections_config.hpp"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "probes/config_keys.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_hosts = 2000;
constexpr std::size_t most_services = 20'000;

std::vector<const json::object*> optional_objects(ConfigKeys& keys, std::string_view key) {
  return keys.has(key) ? keys.objects(key, most_services) : std::vector<const json::object*>{};
}

class Reader {
 public:
  explicit Reader(const json::object& object) : keys_("connections probe", object) {}

  ConnectionsConfig read() {
    config_.host = keys_.required_text("host");
    config_.every = keys_.duration("every_ns", config_.every, 1ms, 1h);
    config_.quiet = keys_.duration("quiet_ns", config_.quiet, 1ms, 1h);
    std::size_t number = 0;
    for (const json::object* entry : keys_.objects("hosts", most_hosts))
      read_host(*entry, ++number);
    require_known(keys_, "host", config_.host);
    number = 0;
    for (const json::object* entry : optional_objects(keys_, "listeners")) {
      ConfigKeys keys(fmt::format("connections probe: listener {}", ++number), *entry);
      config_.listeners.insert(read_service(keys, "on"));
      keys.refuse_unknown();
    }
    number = 0;
    for (const json::object* entry : optional_objects(keys_, "uses")) {
      ConfigKeys keys(fmt::format("connections probe: use {}", ++number), *entry);
      Service to = read_service(keys, "to");
      config_.uses.emplace(std::move(to), keys.required_text("flow"));
      keys.refuse_unknown();
    }
    keys_.refuse_unknown();
    return std::move(config_);
  }

 private:
  void read_host(const json::object& entry, std::size_t number) {
    ConfigKeys keys(fmt::format("connections probe: host {}", number), entry);
    const std::string name = keys.required_text("name");
    const std::string address = keys.required_text("address");
    in_addr ip{};
    if (::inet_pton(AF_INET, address.c_str(), &ip) != 1)
      keys.refuse("address", boost::json::value(address), "an IPv4 address such as 198.18.0.31");
    if (!config_.names.emplace(address, name).second)
      keys.refuse(fmt::format("{} is there twice", address));
    keys.refuse_unknown();
  }
  Service read_service(ConfigKeys& keys, std::string_view key) const {
    Service service{keys.required_text(key), 0};
    require_known(keys, key, service.on);
    service.port = static_cast<int>(keys.required_integer("port", 1, 65535));
    return service;
  }
  void require_known(const ConfigKeys& keys, std::string_view key, const std::string& name) const {
    if (std::ranges::none_of(config_.names,
                             [&](const auto& entry) { return entry.second == name; }))
      keys.refuse(key, boost::json::value(name), "the name of one of the hosts");
  }

  ConfigKeys keys_;
  ConnectionsConfig config_;
};

}  // namespace

ConnectionsConfig parse_connections_config(const json::object& object) {
  return Reader(object).read();
}

}  // namespace nospof::probes
