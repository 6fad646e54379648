#include "spec/listener.hpp"

#include <algorithm>

namespace nospof::spec {

const Service* listener(const Topology& topology, const std::string& host,
                        const std::string& listens) {
  const Host* found = topology.find_host(host);
  if (found == nullptr) return nullptr;
  for (const std::string& name : found->services) {
    const Service* service = topology.find_service(name);
    if (service != nullptr &&
        std::ranges::find(service->listens, listens) != service->listens.end())
      return service;
  }
  return nullptr;
}

StartTls starttls_at(const Service& service, int port) {
  if (!service.tls || service.listens.empty()) return StartTls::none;
  const bool first = service.listens.front() == std::to_string(port) + "/tcp";
  return first ? service.tls->starttls : StartTls::none;
}

}  // namespace nospof::spec
