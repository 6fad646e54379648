// The `monitoring` section of a topology.

#include "spec/listener.hpp"
#include "spec/topology_table.hpp"

namespace nospof::spec {

Format<Monitoring> monitoring_format() {
  return object<Monitoring>({
      {
          required("on", &Monitoring::on, host_names(), "Hosts with a Prometheus server each."),
          optional("port", &Monitoring::port, integer(1, 65535), "9090",
                   "Port of its HTTP API, over TLS."),
          required("authority", &Monitoring::authority, authority_name(),
                   "Who must have signed its certificate."),
          optional("host_label", &Monitoring::host_label, identifier(), "host",
                   "Label that has a host's name, in alerts and series."),
          optional("hosts_query", &Monitoring::hosts_query, text(1), "up",
                   "PromQL: at least one series, with that label, for every host that is watched."),
          optional("exporters", &Monitoring::exporters, distinct(service_name()), "",
                   "Services that tell it about their host; without it the one that most hosts run "
                   "among those it may ask."),
      },
      [](Context& context, const Node& node, Monitoring& monitoring) {
        monitoring.mark = node.mark;
        if (!context.sound({"services", "hosts", "tiers"})) return;
        for (const std::string& host : monitoring.on)
          if (listener(*context.known, host, fmt::format("{}/tcp", monitoring.port)) == nullptr)
            context.problem(node.mark_of("on"),
                            fmt::format("{}: no service of host '{}' listens on {}/tcp",
                                        context.subject, host, monitoring.port));
      },
  });
}

}  // namespace nospof::spec
