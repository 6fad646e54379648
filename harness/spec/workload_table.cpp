// The `workload` section of a topology.

#include "spec/allowed.hpp"
#include "spec/topology_table.hpp"
#include "spec/url.hpp"

namespace nospof::spec {

using namespace std::chrono_literals;

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

std::string no_flow(const Context& context, const Workload& workload, const std::string& to,
                    const HttpsUrl& url) {
  return fmt::format("{}: no flow allows {} to reach {} on {}/tcp; add it to 'flows'",
                     context.subject, workload.from, to, url.port);
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
      context.problem(node.mark_of("vip"), no_flow(context, workload, "VIP " + vip->name, *url));
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
  if (!check_known(context, node.mark_of("url"), "host name", url->host, known)) return;
  if (!context.sound({"hosts", "tiers", "flows"})) return;
  for (const Vip& vip : topology.vips)
    if (url->host == vip.dns_name && !is_vip_allowed(topology, workload.from, vip.name, url->port))
      context.problem(node.mark_of("url"), no_flow(context, workload, "VIP " + vip.name, *url));
  for (const Host& host : topology.hosts) {
    const bool meant = url->host == host.name || url->host == host.name + "." + topology.domain;
    if (meant && !is_allowed(topology, workload.from, host.name, url->port))
      context.problem(node.mark_of("url"), no_flow(context, workload, host.name, *url));
  }
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
