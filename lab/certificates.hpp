#pragma once
// Certificates made for one lab: a CA per authority, an identity per host and service.

#include <memory>
#include <string>
#include <vector>

#include "spec/topology.hpp"
#include "system/clock.hpp"

namespace nospof::lab {

/// What a certificate is to say.
struct CertificateRequest {
  std::string identity;                ///< subject CN and first DNS name
  std::vector<std::string> dns_names;  ///< further DNS names
  std::vector<std::string> addresses;  ///< IPv4 addresses
  WallTime not_before{};
  WallTime not_after{};
};

/// A certificate and its key, as PEM.
struct IssuedCertificate {
  std::string certificate;
  std::string key;
};

/// A certificate authority (EC P-256, self-signed). Throws Error when OpenSSL refuses something.
class CertificateAuthority {
 public:
  /// `authorities_below`: how many more may stand between it and a service's certificate.
  static CertificateAuthority make(const std::string& common_name, WallTime not_before,
                                   WallTime not_after, int authorities_below = 0);
  /// An intermediate authority, signed by this one.
  CertificateAuthority make_below(const std::string& common_name, WallTime not_before,
                                  WallTime not_after) const;
  /// From what certificate() and key() gave.
  static CertificateAuthority load(const std::string& certificate, const std::string& key);
  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
  ~CertificateAuthority();

  std::string certificate() const;  ///< PEM
  std::string key() const;          ///< PEM (PKCS#8), secret
  /// Makes a new key and a certificate for it, good for serverAuth and clientAuth.
  IssuedCertificate issue(const CertificateRequest& request) const;

 private:
  struct Parts;
  explicit CertificateAuthority(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// What the certificate of a service on a host says: identity, names, the host's short name, FQDN
/// and address. Valid from five minutes before `now`, for as long as its authority.
CertificateRequest certificate_request(const spec::Topology& topology, const spec::Host& host,
                                       const spec::Service& service, WallTime now);

}  // namespace nospof::lab
