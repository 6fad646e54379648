// The `hosts` and `services` sections of a topology.

#include <algorithm>

#include "spec/topology_table.hpp"
#include "system/process.hpp"

namespace nospof::spec {

namespace {

using namespace std::chrono_literals;

Format<std::string> unix_user() {
  return matching("a user name such as www-data", "[a-z_][a-z0-9_-]*", 32);
}

// ----- hosts -----

enum class Recurrence { once, regular, either };

/// Money for one purpose: what recurs needs "/month" or "/year", what is paid once must not have
/// it.
Format<std::optional<Money>> cost_format(Recurrence recurrence) {
  Format<std::optional<Money>> format = maybe(money());
  format.read = [inner = format.read, recurrence](Context& context, const Node& node,
                                                  std::optional<Money>& out) {
    if (!inner(context, node, out)) return false;
    const bool recurs = out->per != Money::Per::once;
    if (recurrence == Recurrence::regular && !recurs) {
      return refuse(context, node, "an amount with /month or /year");
    }
    if (recurrence == Recurrence::once && recurs) {
      return refuse(context, node, "an amount paid once, without /month or /year");
    }
    return true;
  };
  return format;
}

Format<Cost> cost_section() {
  return object<Cost>({
      {
          optional("hardware", &Cost::hardware, cost_format(Recurrence::either), "",
                   "Bought, or rented per month or year."),
          optional("setup", &Cost::setup, cost_format(Recurrence::once), "",
                   "Paid once, so without /month or /year."),
          optional("power", &Cost::power, cost_format(Recurrence::regular), "",
                   "Electricity, per month or year."),
          optional("maintenance", &Cost::maintenance, cost_format(Recurrence::regular), "",
                   "Support contracts and spare parts, per month or year."),
          optional("administration", &Cost::administration, cost_format(Recurrence::regular), "",
                   "Working time, per month or year."),
      },
      nullptr,
  });
}

Format<HostLimits> limits_section() {
  return object<HostLimits>({
      {
          optional("disk", &HostLimits::disk, size({16ULL << 20U}, {1ULL << 40U}), "1GiB",
                   "Size of the file system that holds its data folder."),
          optional("memory", &HostLimits::memory, maybe(size({16ULL << 20U}, {1ULL << 40U})), "",
                   "Memory of all its processes together; without it there is no limit."),
          optional("processes", &HostLimits::processes, maybe(integer(16, 1'000'000)), "",
                   "Processes and threads at once; without it there is no limit."),
          optional("cpu", &HostLimits::cpu, maybe(percent()), "",
                   "Share of this machine's CPU time; without it there is no limit."),
      },
      nullptr,
  });
}

void check_host(Context& context, const Node& node, Host& host) {
  if (host.name == "all" || host.name == "localhost") {
    context.problem(host.mark, fmt::format("{}: this name is reserved", context.subject));
  }
  const bool is_ssh = host.transport == TransportKind::ssh;
  if (is_ssh && host.ssh_destination.empty()) {
    context.problem(node.mark_of("transport"),
                    context.subject + ": transport ssh needs 'ssh: user@host' as well");
  }
  if (!is_ssh && !host.ssh_destination.empty()) {
    context.problem(node.mark_of("ssh"),
                    context.subject + ": 'ssh' is used with 'transport: ssh' only");
  }
}

}  // namespace

Format<std::vector<Host>> hosts_format() {
  const std::vector<std::pair<std::string, TransportKind>> transports = {
      {"lab", TransportKind::lab},
      {"ssh", TransportKind::ssh},
      {"container", TransportKind::container},
  };
  Section<Host> host{
      {
          required("address", &Host::address, ipv4_address(), "IPv4 address in the subnet."),
          optional("zone", &Host::zone,
                   reference("zone", [](const Topology& topology) { return topology.zones; }), "",
                   "One of `zones`."),
          optional("transport", &Host::transport, one_of(transports), "lab",
                   "How it is reached: namespaces on this machine, OpenSSH, or a container."),
          // ssh(1) takes what starts with a dash for an option.
          optional("ssh", &Host::ssh_destination,
                   matching("what ssh(1) is given, such as admin@lb1.example.org",
                            "[A-Za-z0-9_][A-Za-z0-9_.@:%/-]*", 255),
                   "", "Destination for transport ssh."),
          optional("services", &Host::services, distinct(service_name()), "", "What runs on it."),
          optional("observer", &Host::observer, boolean(), "false",
                   "Measures only: in no tier, never a target of a fault."),
          optional("limits", &Host::limits, limits_section(), "",
                   "What a lab host may use of this machine."),
          optional("cost", &Host::cost, cost_section(), "", "What it costs."),
      },
      check_host,
  };
  for (auto& item : mean_time_fields<Host>("host")) host.fields.push_back(std::move(item));
  return map_of("host", label("host name", 15), object(host), 1);
}

// ----- services -----

namespace {

Format<std::string> listen_format() {
  auto format = matching("a port and its protocol such as 443/tcp", "[1-9][0-9]{0,4}/(tcp|udp)", 9);
  format.read = [inner = format.read, expected = format.shape.expected](
                    Context& context, const Node& node, std::string& out) {
    if (!inner(context, node, out)) return false;
    if (std::stoi(out) <= 65535) return true;
    return refuse(context, node, "a port from 1 to 65535 and its protocol such as 443/tcp");
  };
  return format;
}

Format<std::string> signal_format() {
  auto format = text(1, 20);
  format.shape.expected = "a signal name such as TERM";
  format.read = [](Context& context, const Node& node, std::string& out) {
    if (node.kind != Node::Kind::scalar || !signal_number(node.text)) {
      return refuse(context, node, "the name of a signal such as TERM, INT or QUIT");
    }
    out = node.text;
    return true;
  };
  return format;
}

/// A path below the topology's folder, and where it ends up on the host.
Format<std::string> template_format() {
  auto format = matching("the name of a file beside the topology such as haproxy.cfg.j2",
                         "[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", 120);
  format.read = [inner = format.read](Context& context, const Node& node, std::string& out) {
    if (!inner(context, node, out)) return false;
    if (!out.starts_with("tls/") && out != "tls" && out != "tls.j2") return true;
    context.problem(node.mark, fmt::format("{}: {} would stand where the certificates are; "
                                           "give it another name",
                                           context.subject, quote(out)));
    out.clear();
    return false;
  };
  return format;
}

Format<std::optional<ServiceTls>> service_tls_format() {
  return maybe(object<ServiceTls>({
      {
          required("identity", &ServiceTls::identity, dns_name(), "DNS name that clients verify."),
          required("authority", &ServiceTls::authority, authority_name(), "Who signs it."),
          optional("names", &ServiceTls::names, distinct(dns_name()), "",
                   "Further DNS names; the host's names and address are in anyway."),
          optional("owner", &ServiceTls::owner, unix_user(), "",
                   "User who owns the key file; without it the service's user."),
          optional("starttls", &ServiceTls::starttls,
                   one_of<StartTls>({{"none", StartTls::none},
                                     {"mysql", StartTls::mysql},
                                     {"postgresql", StartTls::postgresql}}),
                   "none",
                   "What is said before TLS begins, on the first port of `listens`; on its others "
                   "TLS begins at once."),
      },
      nullptr,
  }));
}

void check_service(Context& context, const Node& node, Service& service) {
  if (service.reload.empty() || service.reload_signal.empty()) return;
  context.problem(node.mark_of("reload_signal"),
                  context.subject + ": expected 'reload' or 'reload_signal', found both");
}

Format<RestartPolicy> restart_format() {
  return one_of<RestartPolicy>({{"no", RestartPolicy::no},
                                {"on-failure", RestartPolicy::on_failure},
                                {"on-abnormal", RestartPolicy::on_abnormal},
                                {"on-abort", RestartPolicy::on_abort},
                                {"always", RestartPolicy::always}});
}

Format<KillMode> kill_mode_format() {
  return one_of<KillMode>({{"control-group", KillMode::control_group},
                           {"mixed", KillMode::mixed},
                           {"process", KillMode::process}});
}

}  // namespace

Format<std::vector<Service>> services_format() {
  const Format<std::string> variable =
      matching("the name of an environment variable", "[A-Za-z_][A-Za-z0-9_]*", 100);
  Section<Service> service{
      {
          optional("title", &Service::title, text(0, 200), "", "What it does, for reports."),
          required("command", &Service::command, words(),
                   "Program and arguments, without a shell; each word is a template."),
          optional("prepare", &Service::prepare, list_of(words()), "",
                   "Commands run as root before each start, as ExecStartPre=."),
          optional("user", &Service::user, unix_user(), "root", "Who runs it."),
          optional("environment", &Service::environment, text_map(variable, text()), "",
                   "Environment variables; values are templates."),
          optional("files", &Service::files, distinct(template_format()), "",
                   "Files beside the topology, rendered to {{ etc }}/NAME without .j2."),
          optional("restart", &Service::restart, restart_format(), "no",
                   "When its supervisor restarts it, as systemd's Restart=."),
          optional("restart_delay", &Service::restart_delay, duration(0s, 10min), "100ms",
                   "Wait before a restart, as systemd's RestartSec=."),
          optional("stop_signal", &Service::stop_signal, signal_format(), "TERM",
                   "Signal that ends it in order."),
          optional("kill_mode", &Service::kill_mode, kill_mode_format(), "control-group",
                   "What the rest gets when its main process has ended, as systemd's KillMode=."),
          optional("start_limit_burst", &Service::start_limit_burst, integer(0, 1000), "5",
                   "After so many starts within start_limit_interval it stays down; 0: no limit."),
          optional("start_limit_interval", &Service::start_limit_interval, duration(0s, 1h), "10s",
                   "As systemd's StartLimitIntervalSec=; 0: no limit."),
          optional(
              "reload", &Service::reload, words(), "",
              "Command run as root that makes it take changed files; each word is a template."),
          optional("reload_signal", &Service::reload_signal, signal_format(), "",
                   "Signal to its main process that makes it take changed files."),
          optional("listens", &Service::listens, distinct(listen_format()), "",
                   "Ports it listens on."),
          optional("tls", &Service::tls, service_tls_format(), "",
                   "The certificate it shows to its clients."),
          optional("needed", &Service::needed, maybe(boolean()), "",
                   "Whether its host serves users only while it runs; without it found out from "
                   "flows and tiers."),
      },
      check_service,
  };
  for (auto& item : mean_time_fields<Service>("service")) service.fields.push_back(std::move(item));
  return map_of("service", name("service name", 30), object(service), 1);
}

}  // namespace nospof::spec
