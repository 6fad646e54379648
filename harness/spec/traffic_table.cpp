// The `flows` and `tls` sections of a topology.

#include <algorithm>

#include "spec/allowed.hpp"
#include "spec/listener.hpp"
#include "spec/topology_table.hpp"

namespace nospof::spec {

namespace {

using namespace std::chrono_literals;

bool contains(const std::vector<std::string>& items, const std::string& item) {
  return std::ranges::find(items, item) != items.end();
}

// ----- flows -----

Field<Flow> flow_target() {
  Field<Flow> result;
  const auto hosts = host_names();
  result.info = {"to", hosts.shape, true, "", "Who accepts the connection."};
  result.info.shape.expected = "a host, a tier or 'all', a list of such, or one VIP";
  result.set = [read = hosts.read](Context& context, const Node& node, Flow& out) {
    const bool one = node.kind == Node::Kind::scalar;
    const Vip* vip = one ? context.known->find_vip(node.text) : nullptr;
    if (vip == nullptr) {
      read(context, node, out.to);
      return;
    }
    out.to_vip = vip->name;
    out.to = vip->owners;
  };
  return result;
}

/// A port that nothing listens on is a hole for nobody, and mostly a slip.
void check_listeners(Context& context, const Node& node, const Flow& flow) {
  if (!context.sound({"services", "hosts", "tiers", "vips"})) return;
  const std::string protocol = flow.protocol == Protocol::tcp ? "tcp" : "udp";
  for (std::size_t i = 0; i < flow.ports.size(); ++i) {
    const std::string listens = fmt::format("{}/{}", flow.ports[i], protocol);
    const auto found = [&](const std::string& host) {
      return listener(*context.known, host, listens) != nullptr;
    };
    if (std::ranges::any_of(flow.to, found)) continue;
    const Node* ports = node.find("ports");
    context.problem(ports == nullptr ? node.mark_of("port") : ports->mark_of(i),
                    fmt::format("{}: no service of {} listens on {}; add it to 'listens' of the "
                                "service, or correct the port",
                                context.subject, either(flow.to), listens));
  }
}

void check_flow(Context& context, const Node& node, Flow& flow) {
  const Node* port = node.find("port");
  const Node* ports = node.find("ports");
  const bool has_ports = flow.protocol == Protocol::tcp || flow.protocol == Protocol::udp;
  if (port != nullptr && ports != nullptr) {
    context.problem(port->mark, context.subject + ": expected 'port' or 'ports', found both");
  } else if (has_ports && flow.ports.empty()) {
    context.problem(node.mark, context.subject + ": tcp and udp need 'port' or 'ports'");
  } else if (!has_ports && !flow.ports.empty()) {
    context.problem(node.mark_of(port != nullptr ? "port" : "ports"),
                    context.subject + ": icmp and vrrp have no ports");
  } else if (has_ports) {
    check_listeners(context, node, flow);
  }
}

Format<std::vector<int>> ports_format() {
  auto format = list_of(integer(1, 65535), 1);
  format.read = [list = format.read](Context& context, const Node& node, std::vector<int>& out) {
    if (!list(context, node, out)) return false;
    for (std::size_t i = 1; i < out.size(); ++i) {
      const auto end = out.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::find(out.begin(), end, out[i]) == end) continue;
      context.problem(node.mark_of(i), fmt::format("{}: {} stands twice", context.subject, out[i]));
      return false;
    }
    return true;
  };
  return format;
}

Field<Flow> port_field() {
  Field<Flow> result;
  result.info = {"port", integer(1, 65535).shape, false, "", "The port, for tcp and udp."};
  result.set = [read = integer(1, 65535).read](Context& context, const Node& node, Flow& out) {
    int port = 0;
    if (read(context, node, port)) out.ports.push_back(port);
  };
  return result;
}

}  // namespace

Format<std::vector<Flow>> flows_format() {
  const std::vector<std::pair<std::string, Protocol>> protocols = {{"tcp", Protocol::tcp},
                                                                   {"udp", Protocol::udp},
                                                                   {"icmp", Protocol::icmp},
                                                                   {"vrrp", Protocol::vrrp}};
  const Section<Flow> flow{
      {
          required("from", &Flow::from, host_names(), "Who opens the connection."),
          flow_target(),
          optional("protocol", &Flow::protocol, one_of(protocols), "tcp", "What it is."),
          port_field(),
          optional("ports", &Flow::ports, ports_format(), "", "Several ports, instead of `port`."),
      },
      check_flow,
  };
  return list_of(object(flow), 0, "flow");
}

// ----- TLS hops -----

namespace {

bool is_named(const Topology& topology, const ServiceTls& tls, const std::string& host,
              const std::string& identity) {
  return tls.identity == identity || contains(tls.names, identity) || host == identity ||
         host + "." + topology.domain == identity;
}

bool check_end(Context& context, const Node& node, const TlsHop& hop, const std::string& host) {
  const std::string listens = fmt::format("{}/tcp", hop.port);
  const Service* service = listener(*context.known, host, listens);
  if (service == nullptr) {
    context.problem(node.mark_of("port"), fmt::format("{}: no service of host '{}' listens on {}",
                                                      context.subject, host, listens));
    return false;
  }
  if (!service->tls) {
    context.problem(node.mark_of("port"),
                    fmt::format("{}: service '{}', which listens on {} of host '{}', has no 'tls'",
                                context.subject, service->name, listens, host));
    return false;
  }
  if (!is_named(*context.known, *service->tls, host, hop.identity)) {
    std::vector<std::string> known = service->tls->names;
    known.insert(known.begin(), service->tls->identity);
    context.problem(
        node.mark_of("identity"),
        fmt::format("{}: the certificate of service '{}' on host '{}' is for {}, not for "
                    "'{}'{}",
                    context.subject, service->name, host, either(known), hop.identity,
                    did_you_mean(hop.identity, known)));
    return false;
  }
  if (service->tls->authority != hop.authority) {
    context.problem(
        node.mark_of("authority"),
        fmt::format("{}: the certificate of service '{}' is signed by '{}', not by '{}'",
                    context.subject, service->name, service->tls->authority, hop.authority));
    return false;
  }
  return true;
}

void check_reachable(Context& context, const Node& node, const TlsHop& hop) {
  const Topology& topology = *context.known;
  const auto report = [&](const std::string& from, const std::string& to) {
    context.problem(node.mark, fmt::format("{}: no flow allows {} to reach {}; add it to 'flows'",
                                           context.subject, from, to));
  };
  const Tier* tier = topology.find_tier(hop.via);
  for (const std::string& from : hop.from) {
    if (topology.find_vip(hop.via) != nullptr) {
      if (!is_vip_allowed(topology, from, hop.via, 0)) return report(from, "VIP " + hop.via);
      continue;
    }
    for (const std::string& to : tier != nullptr ? tier->hosts : hop.to) {
      if (to == from || is_allowed(topology, from, to, tier != nullptr ? 0 : hop.port)) continue;
      return report(from, tier != nullptr ? to : fmt::format("{} on {}/tcp", to, hop.port));
    }
  }
}

void check_hop(Context& context, const Node& node, TlsHop& hop) {
  for (const TlsHop& other : context.known->tls_hops) {
    if (other.name != hop.name) continue;
    context.problem(node.mark_of("name"), fmt::format("{}: the name '{}' is taken by line {}",
                                                      context.subject, hop.name, other.mark.line));
  }
  if (!context.sound({"authorities", "services", "hosts", "tiers"})) return;
  for (const std::string& host : hop.to) {
    if (!check_end(context, node, hop, host)) return;
  }
  if (context.sound({"vips", "flows"})) check_reachable(context, node, hop);
}

}  // namespace

Format<std::vector<TlsHop>> tls_hops_format() {
  const Names passers = [](const Topology& topology) {
    std::vector<std::string> names = names_of(topology.tiers);
    for (const Vip& vip : topology.vips) names.push_back(vip.name);
    return names;
  };
  const Section<TlsHop> hop{
      {
          required("name", &TlsHop::name, name("hop name"), "Unique in the list."),
          required("from", &TlsHop::from, host_names(), "The TLS clients."),
          required("to", &TlsHop::to, host_names(), "Hosts that end TLS."),
          optional("via", &TlsHop::via, reference("tier or VIP", passers), "",
                   "Tier or VIP that only passes it through."),
          required("port", &TlsHop::port, integer(1, 65535), "Port at which `to` ends TLS."),
          required("identity", &TlsHop::identity, dns_name(),
                   "DNS name that the client must find in the certificate."),
          required("authority", &TlsHop::authority, authority_name(), "Who must have signed it."),
          optional("client_certificate", &TlsHop::client_certificate, boolean(), "false",
                   "Whether the server must demand a certificate."),
          optional("http", &TlsHop::http, boolean(), "true",
                   "Whether HTTP is spoken inside, so that a probe may ask something."),
      },
      check_hop,
  };
  return list_of(object(hop), 0, "TLS hop");
}

}  // namespace nospof::spec
