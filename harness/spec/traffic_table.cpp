// The `flows`, `tls` and `workload` sections of a topology.

#include <algorithm>

#include "spec/listener.hpp"
#include "spec/topology_table.hpp"
#include "spec/url.hpp"

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

/// Whether some flow lets a host reach another one; `port` 0 stands for any.
bool is_allowed(const Topology& topology, const std::string& from, const std::string& to,
                int port) {
  return std::ranges::any_of(topology.flows, [&](const Flow& flow) {
    return flow.protocol == Protocol::tcp && contains(flow.from, from) && contains(flow.to, to) &&
           (port == 0 || std::ranges::find(flow.ports, port) != flow.ports.end());
  });
}

/// Whether some flow lets a host reach a VIP (by its name, not only one of its owners).
bool is_vip_allowed(const Topology& topology, const std::string& from, const std::string& vip,
                    int port) {
  return std::ranges::any_of(topology.flows, [&](const Flow& flow) {
    return flow.protocol == Protocol::tcp && contains(flow.from, from) && flow.to_vip == vip &&
           (port == 0 || std::ranges::find(flow.ports, port) != flow.ports.end());
  });
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

// ----- workload -----

namespace {

Format<std::string> url_format() {
  Format<std::string> format = text(1, 500);
  format.shape.expected = "an https URL such as https://www.nospof.test/canary?id={id}";
  format.shape.pattern = "https://[^ ]+";
  format.read = [expected = format.shape.expected](Context& context, const Node& node,
                                                   std::string& out) {
    const bool fits = node.kind == Node::Kind::scalar && node.text.size() <= 500;
    if (!fits || !parse_https_url(node.text)) return refuse(context, node, expected);
    out = node.text;
    return true;
  };
  return format;
}

Format<std::string> audit_url_format() {
  Format<std::string> format = url_format();
  format.shape.expected =
      "an https URL with {ids} in it, such as https://www.nospof.test/values?ids={ids}";
  format.shape.pattern = "https://[^ ]*\\{ids\\}[^ ]*";
  format.read = [expected = format.shape.expected](Context& context, const Node& node,
                                                   std::string& out) {
    const bool fits = node.kind == Node::Kind::scalar && node.text.size() <= 500 &&
                      node.text.find("{ids}") != std::string::npos && parse_https_url(node.text);
    if (!fits) return refuse(context, node, expected);
    out = node.text;
    return true;
  };
  return format;
}

void check_audit(Context& context, const Node& node, const Workload& workload) {
  for (const char* placeholder : {"{id}", "{token}"})
    if (workload.url.find(placeholder) == std::string::npos)
      context.problem(node.mark_of("url"),
                      fmt::format("{}: expected {} in 'url', as 'audit' asks what is stored",
                                  context.subject, placeholder));
  const auto page = parse_https_url(workload.url);
  const auto audit = parse_https_url(workload.audit_url);
  if (!page || !audit || (page->host == audit->host && page->port == audit->port)) return;
  context.problem(node.mark_of("audit"),
                  fmt::format("{}: expected 'audit' on the same host and port as 'url' ({}:{}), "
                              "found {}:{}",
                              context.subject, page->host, page->port, audit->host, audit->port));
}

void check_placeholders(Context& context, Mark mark, const std::string& value) {
  const std::string found = unknown_placeholder(value);
  if (found.empty()) return;
  context.problem(
      mark, fmt::format("{}: unknown placeholder {}{}; known are {{id}} and {{token}}",
                        context.subject, quote(found), did_you_mean(found, {"{id}", "{token}"})));
}

void check_workload_target(Context& context, const Node& node, const Workload& workload) {
  const Topology& topology = *context.known;
  const auto url = parse_https_url(workload.url);
  if (!url || !context.sound({"vips"})) return;
  if (const Vip* vip = topology.find_vip(workload.vip)) {
    if (url->host != vip->dns_name) {
      context.problem(
          node.mark_of("url"),
          fmt::format("{}: expected the host of the URL to be '{}', the name of VIP '{}', "
                      "found '{}'",
                      context.subject, vip->dns_name, vip->name, url->host));
    }
    if (context.sound({"hosts", "tiers", "vips", "flows"}) &&
        !is_vip_allowed(topology, workload.from, vip->name, url->port)) {
      context.problem(
          node.mark_of("vip"),
          fmt::format("{}: no flow allows {} to reach VIP {} on {}/tcp; add it to 'flows'",
                      context.subject, workload.from, vip->name, url->port));
    }
    return;
  }
  std::vector<std::string> known;
  const Host* from = topology.find_host(workload.from);
  if (from == nullptr || from->transport != TransportKind::lab) return;
  for (const Vip& vip : topology.vips) known.push_back(vip.dns_name);
  for (const Host& host : topology.hosts) {
    known.push_back(host.name);
    known.push_back(host.name + "." + topology.domain);
  }
  SubjectScope scope(context, "'url' of 'workload'");
  check_known(context, node.mark_of("url"), "host name", url->host, known);
}

void check_workload(Context& context, const Node& node, Workload& workload) {
  const Host* from = context.known->find_host(workload.from);
  if (from != nullptr && !from->observer) {
    context.problem(
        node.mark_of("from"),
        fmt::format("{}: host '{}' is part of the stack; traffic comes from a host with "
                    "'observer: true'",
                    context.subject, workload.from));
  }
  if (workload.slow > workload.timeout) {
    context.problem(
        node.mark_of("slow"),
        fmt::format("{}: expected 'slow' of at most 'timeout' ({}), found {}", context.subject,
                    format_duration(workload.timeout), format_duration(workload.slow)));
  }
  check_placeholders(context, node.mark_of("url"), workload.url);
  const Node* expect = node.find("expect");
  check_placeholders(context, expect == nullptr ? node.mark : expect->mark_of("body"),
                     workload.expect_body);
  check_workload_target(context, node, workload);
  if (!workload.audit_url.empty()) check_audit(context, node, workload);
}

}  // namespace

Format<Workload> workload_format() {
  const Format<Workload> expect = object<Workload>({
      {
          optional("status", &Workload::expect_status, integer(100, 599), "200", "HTTP status."),
          optional("body", &Workload::expect_body, text(0, 500), "",
                   "Must be in the body; {id} and {token} are those of the request."),
      },
      nullptr,
  });
  Field<Workload> expect_field;
  expect_field.info = {"expect", expect.shape, false, "", "The answer that counts as served."};
  expect_field.set = [read = expect.read](Context& context, const Node& node, Workload& out) {
    read(context, node, out);
  };
  const std::vector<std::pair<std::string, ConnectionMode>> modes = {
      {"fresh", ConnectionMode::fresh}, {"keep-alive", ConnectionMode::keep_alive}};
  const Names vips = [](const Topology& topology) { return names_of(topology.vips); };
  Section<Workload> workload{
      {
          required("from", &Workload::from, host_name(), "The observer that sends it."),
          required("url", &Workload::url, url_format(),
                   "Page that writes and reads back; {id} and {token} are new in each request."),
          optional("vip", &Workload::vip, reference("VIP", vips), "",
                   "VIP that the URL's host name stands for; without it the name is resolved."),
          required("authority", &Workload::authority, authority_name(),
                   "Who must have signed the certificate."),
          optional("rate", &Workload::rate, rate(), "50/s", "Requests, on a fixed schedule."),
          optional("connection", &Workload::connection, one_of(modes), "fresh",
                   "A new connection for each request, or kept ones."),
          optional("timeout", &Workload::timeout, duration(10ms, 1min), "3s",
                   "A request without an answer by then has failed."),
          optional("slow", &Workload::slow, duration(1ms, 1min), "1s",
                   "A later answer does not count as served."),
          std::move(expect_field),
          optional("audit", &Workload::audit_url, audit_url_format(), "",
                   "Page that tells what is stored under ids; the ledger probe looks there for "
                   "the writes that were acknowledged."),
      },
      check_workload,
  };
  return object(workload);
}

}  // namespace nospof::spec
