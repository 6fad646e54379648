// What faults may know of services, taken from the topology.

#include "control/campaign.hpp"
#include "spec/listener.hpp"

namespace nospof::control {

namespace {

kinds::Reload reload_of(const spec::Service& service) {
  kinds::Reload reload;
  if (!service.reload.empty()) {
    reload.how = kinds::Reload::How::command;
    reload.command = service.reload;
  } else if (!service.reload_signal.empty()) {
    reload.how = kinds::Reload::How::signal;
    reload.signal_number = signal_number(service.reload_signal).value_or(0);
  }
  return reload;
}

kinds::StackTls tls_of(const spec::Topology& topology, const spec::Service& service,
                       const std::string& host, const std::vector<int>& ports) {
  kinds::StackTls tls;
  tls.authority = service.tls->authority;
  tls.identity = service.tls->identity;
  if (const spec::TlsHop* hop = topology.hop_ended_by(service.name, host))
    tls.port = hop->port;
  else if (!ports.empty())
    tls.port = ports.front();
  tls.starttls = starttls_name(spec::starttls_at(service, tls.port));
  return tls;
}

}  // namespace

const char* starttls_name(spec::StartTls starttls) {
  switch (starttls) {
    case spec::StartTls::none:
      return "";
    case spec::StartTls::mysql:
      return "mysql";
    case spec::StartTls::postgresql:
      return "postgresql";
  }
  return "";
}

void add_services(const spec::Topology& topology, kinds::StackView& view) {
  for (const spec::Host& host : topology.hosts)
    for (const std::string& name : host.services) {
      const spec::Service* service = topology.find_service(name);
      if (service == nullptr) continue;
      kinds::StackService entry;
      entry.host = host.name;
      entry.name = name;
      for (std::string file : service->files) {
        if (file.ends_with(".j2")) file.resize(file.size() - 3);
        entry.files.push_back(std::move(file));
      }
      for (const std::string& listens : service->listens)
        if (listens.ends_with("/tcp")) entry.ports.push_back(std::stoi(listens));
      entry.reload = reload_of(*service);
      entry.stop_signal = signal_number(service->stop_signal).value_or(0);
      if (service->tls) entry.tls = tls_of(topology, *service, host.name, entry.ports);
      view.services.push_back(std::move(entry));
    }
}

}  // namespace nospof::control
