#include "lab/certificate_files.hpp"

#include <map>

#include <fmt/format.h>

#include "lab/accounts.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::lab {

namespace {

constexpr auto clock_tolerance = std::chrono::minutes(5);

/// An authority as services use it: clients know the root, services show what is between.
struct Issuer {
  CertificateAuthority root;
  std::optional<CertificateAuthority> intermediate;

  const CertificateAuthority& signing() const { return intermediate ? *intermediate : root; }
  IssuedCertificate issue(const CertificateRequest& request) const {
    IssuedCertificate issued = signing().issue(request);
    if (intermediate) issued.certificate += intermediate->certificate();
    return issued;
  }
};

Issuer make_issuer(const spec::Topology& topology, const spec::Authority& authority, WallTime now) {
  const WallTime begin = now - clock_tolerance;
  const WallTime end = now + authority.valid;
  const std::string name = fmt::format("{} {}", topology.name, authority.name);
  if (!authority.intermediate)
    return {CertificateAuthority::make(name + " CA", begin, end), std::nullopt};
  Issuer issuer{CertificateAuthority::make(name + " CA", begin, end, 1), std::nullopt};
  issuer.intermediate = issuer.root.make_below(name + " intermediate CA", begin, end);
  return issuer;
}

const spec::Authority& find_authority(const spec::Topology& topology, const std::string& name) {
  for (const auto& authority : topology.authorities)
    if (authority.name == name) return authority;
  throw Error(fmt::format("there is no authority '{}'", name));
}

void write_authority(const Issuer& issuer, const std::string& name, const Layout& layout) {
  write_owned_file(layout.authority_certificate(name), issuer.root.certificate(), 0644, 0, 0);
  write_owned_file(layout.authority_key(name), issuer.signing().key(), 0600, 0, 0);
  if (issuer.intermediate)
    write_owned_file(layout.intermediate_certificate(name), issuer.intermediate->certificate(),
                     0644, 0, 0);
}

Issuer read_issuer(const spec::Authority& authority, const Layout& layout) {
  const std::string key = read_file(layout.authority_key(authority.name));
  const std::string certificate =
      read_file(authority.intermediate ? layout.intermediate_certificate(authority.name)
                                       : layout.authority_certificate(authority.name));
  if (!authority.intermediate) return {CertificateAuthority::load(certificate, key), std::nullopt};
  // Nothing is signed with the root any more: its key was never written.
  return {CertificateAuthority::load(certificate, key),
          CertificateAuthority::load(certificate, key)};
}

}  // namespace

void write_certificates(const spec::Topology& topology, const Layout& layout, WallTime now) {
  make_folder(layout.tls());
  make_folder(layout.authority_keys());
  std::map<std::string, Issuer> issuers;
  for (const auto& authority : topology.authorities) {
    Issuer made = make_issuer(topology, authority, now);
    write_authority(made, authority.name, layout);
    issuers.emplace(authority.name, std::move(made));
  }
  for (const auto& host : topology.hosts) {
    const HostLayout paths = layout.host(host.name);
    make_folder(paths.tls + "/ca");
    for (const auto& [name, issuer] : issuers)
      write_owned_file(paths.authority(name), issuer.root.certificate(), 0644, 0, 0);
    for (const auto& name : host.services) {
      const spec::Service* service = topology.find_service(name);
      if (service == nullptr || !service->tls) continue;
      try {
        const auto& owner = service->tls->owner.empty() ? service->user : service->tls->owner;
        const Account account = find_account(owner);
        const auto issued = issuers.at(service->tls->authority)
                                .issue(certificate_request(topology, host, *service, now));
        write_owned_file(paths.certificate(name), issued.certificate, 0644, 0, 0);
        write_owned_file(paths.key(name), issued.key, 0600, account.uid, account.gid);
        write_owned_file(paths.bundle(name), issued.key + issued.certificate, 0600, account.uid,
                         account.gid);
      } catch (const std::exception& e) {
        throw Error(
            fmt::format("certificate of service '{}' on host '{}': {}", name, host.name, e.what()));
      }
    }
  }
}

IssuedCertificate issue_other_certificate(const spec::Topology& topology, const Layout& layout,
                                          const std::string& host, const std::string& service,
                                          const OtherCertificate& other, WallTime now) {
  try {
    const spec::Host* on = topology.find_host(host);
    const spec::Service* of = topology.find_service(service);
    if (on == nullptr || of == nullptr) throw Error("there is no such host or service");
    CertificateRequest request = certificate_request(topology, *on, *of, now);
    if (other.change) other.change(request);
    const spec::Authority& authority = find_authority(topology, of->tls->authority);
    const Issuer issuer = other.unknown_authority ? make_issuer(topology, authority, now)
                                                  : read_issuer(authority, layout);
    return issuer.issue(request);
  } catch (const std::exception& e) {
    throw Error(fmt::format("another certificate for service '{}' on host '{}': {}", service, host,
                            e.what()));
  }
}

}  // namespace nospof::lab
