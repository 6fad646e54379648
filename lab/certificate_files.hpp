#pragma once
// The certificates of a lab, as files: made when it is brought up, and issued again while it is up.

#include <functional>
#include <string>

#include "lab/certificates.hpp"
#include "lab/layout.hpp"

namespace nospof::lab {

/// Makes all authorities and all certificates and writes them: Layout::authority_certificate/_key,
/// and for each host HostLayout::authority, certificate, key and bundle. Keys have mode 0600 and
/// belong to ServiceTls::owner (else the service's user). Throws Error naming the host and service.
void write_certificates(const spec::Topology& topology, const Layout& layout, WallTime now);

/// A certificate that is not the service's real one.
struct OtherCertificate {
  std::function<void(CertificateRequest& request)> change;  ///< of what the real one says
  bool unknown_authority = false;  ///< signed by another authority of the same name, made for it
};

/// Issues it with the keys of a lab that is up; `certificate` is the whole chain. Throws Error
/// naming the host and service.
IssuedCertificate issue_other_certificate(const spec::Topology& topology, const Layout& layout,
                                          const std::string& host, const std::string& service,
                                          const OtherCertificate& other, WallTime now);

}  // namespace nospof::lab
