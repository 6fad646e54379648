// Bad certificates for faults, signed with the keys that a lab keeps outside of its hosts.

#include "hosts/transport.hpp"

namespace nospof::hosts {

namespace {

class LabSigner final : public kinds::CertificateSigner {
 public:
  explicit LabSigner(const lab::Lab& lab) : lab_(lab) {}

  kinds::SignedCertificate sign(const std::string& host, const std::string& service,
                                const kinds::CertificateWish& wish) const override {
    lab::OtherCertificate other;
    other.unknown_authority = wish.unknown_authority;
    other.change = [&wish](lab::CertificateRequest& request) {
      if (wish.not_before) request.not_before = *wish.not_before;
      if (wish.not_after) request.not_after = *wish.not_after;
      if (!wish.only_name) return;
      request.identity = *wish.only_name;
      request.dns_names.clear();
      request.addresses.clear();
    };
    const lab::IssuedCertificate issued = lab_.issue_other_certificate(host, service, other);
    return {issued.certificate, issued.key};
  }

 private:
  const lab::Lab& lab_;
};

}  // namespace

std::shared_ptr<const kinds::CertificateSigner> lab_signer(const lab::Lab& lab) {
  return std::make_shared<LabSigner>(lab);
}

}  // namespace nospof::hosts
