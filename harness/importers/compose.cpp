// docker-compose files: the Compose Specification, https://github.com/compose-spec/compose-spec.

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "importers/skeleton.hpp"

namespace nospof::importers {

namespace {

using spec::Node;

bool is_port(const std::string& text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

// "127.0.0.1:8080:80/tcp" -> "80/tcp"; nothing for ranges and variables.
std::string listens_of(std::string text) {
  std::string protocol = "tcp";
  if (const std::size_t slash = text.find('/'); slash != std::string::npos) {
    protocol = text.substr(slash + 1);
    text.resize(slash);
  }
  if (const std::size_t colon = text.rfind(':'); colon != std::string::npos)
    text.erase(0, colon + 1);
  return is_port(text) && (protocol == "tcp" || protocol == "udp") ? text + "/" + protocol : "";
}

void add_listens(FoundTier& tier, const std::string& listens, const std::string& written) {
  if (listens.empty())
    tier.remarks.push_back(fmt::format("not known: the port written as '{}'", written));
  else if (std::ranges::find(tier.listens, listens) == tier.listens.end())
    tier.listens.push_back(listens);
}

void read_ports(const Node* ports, FoundTier& tier) {
  if (ports == nullptr || ports->kind != Node::Kind::list) return;
  for (const Node& entry : ports->values) {
    if (entry.kind == Node::Kind::scalar) {
      add_listens(tier, listens_of(entry.text), entry.text);
    } else if (entry.kind == Node::Kind::map) {
      const std::string protocol = scalar(entry, "protocol");
      add_listens(tier,
                  listens_of(scalar(entry, "target") + "/" + (protocol.empty() ? "tcp" : protocol)),
                  scalar(entry, "target"));
    }
  }
}

// Keys of a map, or items of a list.
std::vector<std::string> names_in(const Node* node) {
  if (node == nullptr || node->kind != Node::Kind::map) return texts(node);
  std::vector<std::string> names;
  for (const Node& key : node->keys) names.push_back(key.text);
  return names;
}

int replicas_of(const Node& service, FoundTier& tier) {
  std::string written = scalar(service, "scale");
  if (const Node* deploy = service.find("deploy");
      deploy != nullptr && deploy->kind == Node::Kind::map && !scalar(*deploy, "replicas").empty())
    written = scalar(*deploy, "replicas");
  if (written.empty()) return 1;
  int count = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), count);
  if (error == std::errc{} && end == written.data() + written.size() && count >= 0 && count <= 200)
    return count;
  tier.remarks.push_back(
      fmt::format("not known: how many replicas '{}' are; one is taken", written));
  return 1;
}

FoundTier read_service(const std::string& name, const Node& service) {
  FoundTier tier;
  tier.name = name;
  if (const std::string image = scalar(service, "image"); !image.empty())
    tier.remarks.push_back("image " + image);
  read_ports(service.find("ports"), tier);
  read_ports(service.find("expose"), tier);
  for (const std::string& wanted : names_in(service.find("depends_on")))
    tier.depends_on.insert(wanted);
  for (std::string wanted : texts(service.find("links")))
    tier.depends_on.insert(wanted.substr(0, wanted.find(':')));
  tier.command = command_words(service.find("entrypoint"));
  for (const std::string& word : command_words(service.find("command")))
    tier.command.push_back(word);
  if (service.find("healthcheck") != nullptr)
    tier.remarks.push_back("it has a healthcheck: make it an entry of 'redundancy'");
  const int replicas = replicas_of(service, tier);
  if (replicas == 0) tier.remarks.push_back("no replica is started");
  for (int i = 1; i <= std::max(1, replicas); ++i)
    tier.hosts.push_back(fmt::format("{}{}", name, i));
  return tier;
}

}  // namespace

Found read_compose(const Node& root, const std::string& file, spec::Problems& problems) {
  Found found;
  found.from = "the Compose file " + file;
  found.name = scalar(root, "name");
  if (found.name.empty()) {
    const auto folder = std::filesystem::path(file).parent_path().filename().string();
    found.name = folder.empty() ? "imported" : folder;
  }
  const Node* services = root.find("services");
  if (services == nullptr || services->kind != Node::Kind::map || services->keys.empty()) {
    problems.add(file, services == nullptr ? root.mark : services->mark,
                 "expected 'services:' with at least one service in it");
    return found;
  }
  std::vector<std::string> on_default;
  for (std::size_t i = 0; i < services->keys.size(); ++i) {
    const Node& service = services->values[i];
    const std::string& name = services->keys[i].text;
    if (service.kind != Node::Kind::map) {
      problems.add(file, service.mark, fmt::format("service '{}': expected a map", name));
      continue;
    }
    found.tiers.push_back(read_service(name, service));
    const auto networks = names_in(service.find("networks"));
    if (networks.empty()) on_default.push_back(name);
    for (const std::string& network : networks) {
      auto known = std::ranges::find(found.segments, network, &FoundSegment::name);
      if (known == found.segments.end())
        known = found.segments.insert(found.segments.end(), {network, {}, {}});
      known->tiers.push_back(name);
    }
  }
  if (!on_default.empty()) found.segments.push_back({"default", on_default, {}});
  found.not_known = {
      "which machine each container runs on: here every container is a host of its own, but "
      "containers of one engine share it"};
  return found;
}

}  // namespace nospof::importers
