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

}  // namespace nospof::spec
