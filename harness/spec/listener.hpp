#pragma once
// Who listens where in a topology.

#include <string>

#include "spec/topology.hpp"

namespace nospof::spec {

/// The service of the host that listens there ("3306/tcp"), or nullptr; also for an unknown host.
const Service* listener(const Topology& topology, const std::string& host,
                        const std::string& listens);

/// What is said at that port before TLS begins: on the first one of the service's `listens` what
/// its `tls.starttls` says; on the others TLS begins at once, as between the nodes of a database.
StartTls starttls_at(const Service& service, int port);

}  // namespace nospof::spec
