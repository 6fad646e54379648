#include "lab/recipe.hpp"

#include <thread>

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::lab {

namespace json = boost::json;

namespace {

json::array words_json(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

std::vector<std::string> words_from(const json::value& value) {
  std::vector<std::string> words;
  for (const json::value& word : value.as_array()) words.emplace_back(word.as_string());
  return words;
}

std::string text_of(const json::object& object, const char* key) {
  return std::string(object.at(key).as_string());
}

json::object service_json(const ServicePlan& service) {
  json::array prepare;
  for (const auto& words : service.prepare) prepare.push_back(words_json(words));
  json::object environment;
  for (const auto& [name, value] : service.environment) environment[name] = value;
  json::array files;
  for (const ConfigFile& file : service.files)
    files.push_back(
        json::object{{"path", file.path}, {"text", file.text}, {"executable", file.executable}});
  return {{"name", service.name},
          {"command", words_json(service.command)},
          {"prepare", std::move(prepare)},
          {"environment", std::move(environment)},
          {"user", service.user},
          {"restart", static_cast<int>(service.restart)},
          {"restart_delay_ns", service.restart_delay.count()},
          {"stop_signal", service.stop_signal},
          {"kill_mode", static_cast<int>(service.kill_mode)},
          {"start_limit_burst", service.start_limit_burst},
          {"start_limit_interval_ns", service.start_limit_interval.count()},
          {"files", std::move(files)}};
}

ServicePlan service_from(const json::object& object) {
  ServicePlan service;
  service.name = text_of(object, "name");
  service.command = words_from(object.at("command"));
  for (const json::value& words : object.at("prepare").as_array())
    service.prepare.push_back(words_from(words));
  for (const auto& [name, value] : object.at("environment").as_object())
    service.environment[name] = std::string(value.as_string());
  service.user = text_of(object, "user");
  service.restart = static_cast<spec::RestartPolicy>(object.at("restart").as_int64());
  service.restart_delay = spec::Duration(object.at("restart_delay_ns").as_int64());
  service.stop_signal = text_of(object, "stop_signal");
  service.kill_mode = static_cast<spec::KillMode>(object.at("kill_mode").as_int64());
  service.start_limit_burst = static_cast<int>(object.at("start_limit_burst").as_int64());
  service.start_limit_interval = spec::Duration(object.at("start_limit_interval_ns").as_int64());
  for (const json::value& value : object.at("files").as_array()) {
    const json::object& file = value.as_object();
    service.files.push_back(
        {text_of(file, "path"), text_of(file, "text"), file.at("executable").as_bool()});
  }
  return service;
}

json::object limits_json(const HostRecipe& host) {
  return {{"memory_bytes", host.limits.memory_bytes},
          {"processes", host.limits.processes},
          {"cpus", host.limits.cpus},
          {"data_bytes", host.data_bytes},
          {"cpu_group", host.groups.cpu},
          {"memory_group", host.groups.memory},
          {"pids_group", host.groups.pids}};
}

void limits_from(const json::object& object, HostRecipe& host) {
  host.limits.memory_bytes = object.at("memory_bytes").to_number<std::uint64_t>();
  host.limits.processes = object.at("processes").to_number<std::uint64_t>();
  host.limits.cpus = object.at("cpus").to_number<double>();
  host.data_bytes = object.at("data_bytes").to_number<std::uint64_t>();
  host.groups = {text_of(object, "cpu_group"), text_of(object, "memory_group"),
                 text_of(object, "pids_group")};
}

json::object host_json(const HostRecipe& host) {
  json::array services;
  for (const ServicePlan& service : host.plan.services) services.push_back(service_json(service));
  return {{"host", host.plan.host},
          {"hosts_file", host.plan.hosts_file},
          {"ruleset", host.plan.ruleset},
          {"services", std::move(services)},
          {"fqdn", host.fqdn},
          {"address", host.address},
          {"mac", host.mac},
          {"cgroup", host.cgroup},
          {"port", host.port},
          {"limits", limits_json(host)}};
}

HostRecipe host_from(const json::object& object, const Layout& layout) {
  HostRecipe host;
  host.plan.host = text_of(object, "host");
  host.plan.layout = layout.host(host.plan.host);
  host.plan.hosts_file = text_of(object, "hosts_file");
  host.plan.ruleset = text_of(object, "ruleset");
  for (const json::value& service : object.at("services").as_array())
    host.plan.services.push_back(service_from(service.as_object()));
  host.fqdn = text_of(object, "fqdn");
  host.address = text_of(object, "address");
  host.mac = text_of(object, "mac");
  host.cgroup = text_of(object, "cgroup");
  host.port = text_of(object, "port");
  limits_from(object.at("limits").as_object(), host);
  return host;
}

}  // namespace

std::string mac_of_address(const std::string& address) {
  in_addr value{};
  if (::inet_pton(AF_INET, address.c_str(), &value) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  const std::uint32_t bytes = ntohl(value.s_addr);
  return fmt::format("02:00:{:02x}:{:02x}:{:02x}:{:02x}", bytes >> 24U, (bytes >> 16U) & 0xffU,
                     (bytes >> 8U) & 0xffU, bytes & 0xffU);
}

LabRecipe make_recipe(const std::string& lab, const Layout& layout, const std::string& cgroup,
                      const spec::Topology& topology, std::vector<HostPlan> plans) {
  LabRecipe recipe{lab, layout.folder, cgroup, {}, {}};
  const std::string prefix = topology.subnet.substr(topology.subnet.find('/'));
  for (HostPlan& plan : plans) {
    const spec::Host* host = topology.find_host(plan.host);
    if (host == nullptr) throw Error(fmt::format("host '{}' is not in the topology", plan.host));
    HostRecipe made;
    made.fqdn = host->name + "." + topology.domain;
    made.address = host->address + prefix;
    made.mac = mac_of_address(host->address);
    made.cgroup = cgroup + "/" + host->name;
    // Device names have at most 15 characters; the number keeps long host names apart.
    made.port = fmt::format("p{}-{}", recipe.hosts.size(), host->name).substr(0, 15);
    made.data_bytes = host->limits.disk.bytes;
    made.limits.memory_bytes = host->limits.memory.value_or(spec::Size{}).bytes;
    made.limits.processes = static_cast<std::uint64_t>(host->limits.processes.value_or(0));
    made.limits.cpus = host->limits.cpu.value_or(spec::Percent{}).fraction *
                       static_cast<double>(std::thread::hardware_concurrency());
    made.plan = std::move(plan);
    recipe.hosts.push_back(std::move(made));
  }
  return recipe;
}

void write_recipe(const std::string& file, const LabRecipe& recipe) {
  json::array hosts;
  for (const HostRecipe& host : recipe.hosts) hosts.push_back(host_json(host));
  const json::object object{{"lab", recipe.lab},
                            {"folder", recipe.folder},
                            {"cgroup", recipe.cgroup},
                            {"program", recipe.program},
                            {"hosts", std::move(hosts)}};
  write_file(file, json::serialize(object) + "\n", 0600);
}

LabRecipe read_recipe(const std::string& file) {
  const std::string text = read_file(file);
  try {
    const json::object object = json::parse(text).as_object();
    LabRecipe recipe{text_of(object, "lab"),
                     text_of(object, "folder"),
                     text_of(object, "cgroup"),
                     text_of(object, "program"),
                     {}};
    const Layout layout{recipe.folder};
    for (const json::value& host : object.at("hosts").as_array())
      recipe.hosts.push_back(host_from(host.as_object(), layout));
    return recipe;
  } catch (const std::exception& e) {
    throw Error(fmt::format("{} is damaged: {}", file, e.what()));
  }
}

}  // namespace nospof::lab
