// containerlab topologies: https://containerlab.dev/manual/topo-def-file/

#include <algorithm>
#include <cctype>
#include <filesystem>

#include <fmt/format.h>

#include "importers/skeleton.hpp"

namespace nospof::importers {

namespace {

using spec::Node;

// Kinds that are part of the network, not of the stack: everything that is no plain container.
bool is_network(const std::string& kind) {
  return kind != "linux" && kind != "k8s-kind" && kind != "ext-container" && !kind.empty();
}

std::string stem(std::string name) {
  while (!name.empty() && (std::isdigit(static_cast<unsigned char>(name.back())) != 0 ||
                           name.back() == '-' || name.back() == '_'))
    name.pop_back();
  return name;
}

std::string kind_of(const Node& topology, const Node& node) {
  if (const std::string own = scalar(node, "kind"); !own.empty()) return own;
  const Node* groups = topology.find("groups");
  if (const std::string group = scalar(node, "group"); groups != nullptr && !group.empty())
    if (const Node* known = groups->find(group))
      if (const std::string of_group = scalar(*known, "kind"); !of_group.empty()) return of_group;
  const Node* defaults = topology.find("defaults");
  return defaults == nullptr ? "" : scalar(*defaults, "kind");
}

// "web1:eth1", or { node: web1, interface: eth1 }
std::vector<std::string> ends_of(const Node& link) {
  std::vector<std::string> ends;
  const Node* endpoints = link.find("endpoints");
  if (endpoints == nullptr || endpoints->kind != Node::Kind::list) return ends;
  for (const Node& end : endpoints->values) {
    if (end.kind == Node::Kind::scalar) ends.push_back(end.text.substr(0, end.text.find(':')));
    if (end.kind == Node::Kind::map) ends.push_back(scalar(end, "node"));
  }
  return ends;
}

void read_links(const Node& topology, Found& found) {
  const Node* links = topology.find("links");
  if (links == nullptr || links->kind != Node::Kind::list) return;
  for (const Node& link : links->values) {
    const std::vector<std::string> ends = ends_of(link);
    for (const std::string& end : ends) {
      const auto segment = std::ranges::find(found.segments, end, &FoundSegment::name);
      if (segment == found.segments.end()) continue;
      for (const std::string& other : ends)
        if (other != end && std::ranges::find(segment->hosts, other) == segment->hosts.end())
          segment->hosts.push_back(other);
    }
  }
}

void read_node(const Node& topology, const std::string& name, const Node& node, Found& found) {
  const std::string kind = kind_of(topology, node);
  if (is_network(kind)) {
    found.segments.push_back({name, {}, {}});
    return;
  }
  const std::string group = scalar(node, "group");
  std::string tier_name = group.empty() ? stem(name) : group;
  if (tier_name.empty()) tier_name = name;
  auto tier = std::ranges::find(found.tiers, tier_name, &FoundTier::name);
  if (tier == found.tiers.end()) {
    tier = found.tiers.insert(found.tiers.end(), {tier_name, {}, {}, {}, {}, {}});
    if (const std::string image = scalar(node, "image"); !image.empty())
      tier->remarks.push_back("image " + image);
    tier->command = command_words(node.find("cmd"));
    if (group.empty())
      tier->remarks.push_back("not known: whether hosts with like names are one tier");
  }
  tier->hosts.push_back(name);
  for (const char* key : {"mgmt-ipv4", "mgmt_ipv4"})
    if (const std::string address = scalar(node, key); !address.empty())
      found.places.push_back({name, address});
}

}  // namespace

Found read_containerlab(const Node& root, const std::string& file, spec::Problems& problems) {
  Found found;
  found.from = "the containerlab topology " + file;
  found.name = scalar(root, "name");
  if (found.name.empty()) found.name = std::filesystem::path(file).stem().string();
  const Node* topology = root.find("topology");
  const Node* nodes = topology == nullptr ? nullptr : topology->find("nodes");
  if (nodes == nullptr || nodes->kind != Node::Kind::map || nodes->keys.empty()) {
    problems.add(file, topology == nullptr ? root.mark : topology->mark,
                 "expected 'topology: nodes:' with at least one node in it");
    return found;
  }
  for (std::size_t i = 0; i < nodes->keys.size(); ++i) {
    const Node& node = nodes->values[i];
    if (node.kind == Node::Kind::map || node.kind == Node::Kind::null)
      read_node(*topology, nodes->keys[i].text, node, found);
    else
      problems.add(file, node.mark, fmt::format("node '{}': expected a map", nodes->keys[i].text));
  }
  read_links(*topology, found);
  found.not_known = {
      "which ports daemons listen on: containerlab's links say who is wired to whom, "
      "not what is allowed"};
  return found;
}

}  // namespace nospof::importers
