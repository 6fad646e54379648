#include <memory>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/certificate_files.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "tests/support/sample_topology.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::lab {
namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

X509Ptr parse(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509Ptr certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), &X509_free);
  BIO_free(bio);
  return certificate;
}

KeyPtr parse_key(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  KeyPtr key(PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr), &EVP_PKEY_free);
  BIO_free(bio);
  return key;
}

// X509_V_OK, or why a peer that trusts `authority` alone refuses `certificate`.
int verify(const std::string& certificate, const std::string& authority, const std::string& host,
           WallTime at, int purpose = X509_PURPOSE_SSL_SERVER) {
  const X509Ptr leaf = parse(certificate);
  const X509Ptr root = parse(authority);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, root.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(parameters, purpose);
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(
                                             std::chrono::floor<std::chrono::seconds>(at)));
  if (!host.empty()) {
    if (host.find_first_not_of("0123456789.") == std::string::npos)
      X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str());
    else
      X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), 0);
  }
  X509_verify_cert(context);
  const int error = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return error;
}

const WallTime now{std::chrono::hours(24 * 365 * 56)};

struct Issued {
  CertificateAuthority authority;
  IssuedCertificate leaf;
};

Issued issue_sample() {
  auto authority = CertificateAuthority::make("sample CA", now - std::chrono::hours(1),
                                              now + std::chrono::hours(24));
  CertificateRequest request;
  request.identity = "app.nospof.test";
  request.dns_names = {"app1", "app1.nospof.test", "app.nospof.test"};
  request.addresses = {"198.18.0.31"};
  request.not_before = now - std::chrono::minutes(5);
  request.not_after = now + std::chrono::hours(2);
  auto leaf = authority.issue(request);
  return {std::move(authority), std::move(leaf)};
}

TEST(certificates, every_name_and_the_address_verify) {
  const Issued issued = issue_sample();
  const std::string root = issued.authority.certificate();
  for (const char* name : {"app.nospof.test", "app1", "app1.nospof.test", "198.18.0.31"})
    EXPECT_EQ(verify(issued.leaf.certificate, root, name, now), X509_V_OK) << name;
}

TEST(certificates, good_for_clients_too) {
  const Issued issued = issue_sample();
  EXPECT_EQ(verify(issued.leaf.certificate, issued.authority.certificate(), "", now,
                   X509_PURPOSE_SSL_CLIENT),
            X509_V_OK);
}

TEST(certificates, wrong_name_and_wrong_address_are_refused) {
  const Issued issued = issue_sample();
  const std::string root = issued.authority.certificate();
  EXPECT_EQ(verify(issued.leaf.certificate, root, "web.nospof.test", now),
            X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(issued.leaf.certificate, root, "app2", now), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(issued.leaf.certificate, root, "198.18.0.32", now),
            X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST(certificates, another_authority_of_the_same_name_is_refused) {
  const Issued issued = issue_sample();
  const Issued other = issue_sample();
  EXPECT_NE(verify(issued.leaf.certificate, other.authority.certificate(), "", now), X509_V_OK);
}

TEST(certificates, refused_before_and_after_its_time) {
  const Issued issued = issue_sample();
  const std::string root = issued.authority.certificate();
  EXPECT_EQ(verify(issued.leaf.certificate, root, "", now + std::chrono::hours(3)),
            X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verify(issued.leaf.certificate, root, "", now - std::chrono::minutes(6)),
            X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST(certificates, a_leaf_cannot_issue) {
  const Issued issued = issue_sample();
  const auto impostor = CertificateAuthority::load(issued.leaf.certificate, issued.leaf.key);
  CertificateRequest request;
  request.identity = "evil.nospof.test";
  request.not_before = now - std::chrono::minutes(5);
  request.not_after = now + std::chrono::hours(1);
  EXPECT_NE(verify(impostor.issue(request).certificate, issued.leaf.certificate, "", now),
            X509_V_OK);
}

TEST(certificates, key_belongs_to_certificate_and_subject_is_the_identity) {
  const Issued issued = issue_sample();
  const X509Ptr leaf = parse(issued.leaf.certificate);
  const KeyPtr key = parse_key(issued.leaf.key);
  ASSERT_NE(leaf, nullptr);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(X509_check_private_key(leaf.get(), key.get()), 1);
  EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 256);
  char name[100] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(leaf.get()), NID_commonName, name, sizeof name);
  EXPECT_STREQ(name, "app.nospof.test");
}

TEST(certificates, serial_numbers_differ) {
  const Issued issued = issue_sample();
  const Issued again = issue_sample();
  const X509Ptr one = parse(issued.leaf.certificate);
  const X509Ptr two = parse(again.leaf.certificate);
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(one.get()), X509_get0_serialNumber(two.get())),
            0);
}

TEST(certificates, an_authority_read_back_issues_the_same_trust) {
  const Issued issued = issue_sample();
  const auto loaded =
      CertificateAuthority::load(issued.authority.certificate(), issued.authority.key());
  CertificateRequest request;
  request.identity = "late.nospof.test";
  request.not_before = now - std::chrono::hours(2);
  request.not_after = now - std::chrono::hours(1);
  const std::string late = loaded.issue(request).certificate;
  EXPECT_EQ(verify(late, issued.authority.certificate(), "", now), X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verify(late, issued.authority.certificate(), "", now - std::chrono::minutes(90)),
            X509_V_ERR_CERT_NOT_YET_VALID)
      << "the authority itself is an hour old";
}

TEST(certificates, a_key_of_another_authority_is_not_loaded) {
  const Issued issued = issue_sample();
  const Issued other = issue_sample();
  EXPECT_THROW(CertificateAuthority::load(issued.authority.certificate(), other.authority.key()),
               Error);
}

TEST(certificates, an_identity_longer_than_a_common_name_still_verifies) {
  const Issued issued = issue_sample();
  CertificateRequest request;
  request.identity = std::string(60, 'a') + ".service.nospof.test";
  request.not_before = now - std::chrono::minutes(5);
  request.not_after = now + std::chrono::hours(1);
  EXPECT_EQ(verify(issued.authority.issue(request).certificate, issued.authority.certificate(),
                   request.identity, now),
            X509_V_OK);
}

TEST(certificates, a_malformed_address_is_an_error) {
  const Issued issued = issue_sample();
  CertificateRequest request;
  request.identity = "a";
  request.addresses = {"198.18.0.300"};
  EXPECT_THROW(issued.authority.issue(request), Error);
}

TEST(certificates, request_of_a_service_names_identity_host_and_address) {
  auto topology = test::sample_topology();
  topology.services[1].tls->names = {"extra.nospof.test", "198.18.0.10"};
  const auto request = certificate_request(topology, topology.hosts[2], topology.services[1], now);
  EXPECT_EQ(request.identity, "www.nospof.test");
  EXPECT_EQ(request.dns_names,
            (std::vector<std::string>{"extra.nospof.test", "web1", "web1.nospof.test"}));
  EXPECT_EQ(request.addresses, (std::vector<std::string>{"198.18.0.10", "198.18.0.21"}));
  EXPECT_EQ(request.not_after, now + std::chrono::hours(24));
  EXPECT_LT(request.not_before, now);
}

class CertificateFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: files get owners";
  }
  static struct stat stat_of(const std::string& path) {
    struct stat found {};
    check("stat " + path, ::stat(path.c_str(), &found));
    return found;
  }
  test::TemporaryFolder folder_;
};

TEST_F(CertificateFiles, have_owners_modes_and_verify) {
  auto topology = test::sample_topology();
  topology.services[1].tls->owner = "nobody";
  const Layout layout{folder_.path()};
  write_certificates(topology, layout, now);
  const HostLayout web = layout.host("web1");
  const std::string root = read_file(layout.authority_certificate("stack"));
  EXPECT_EQ(read_file(web.authority("stack")), root);
  EXPECT_EQ(read_file(layout.host("client").authority("stack")), root);
  EXPECT_EQ(verify(read_file(web.certificate("web")), root, "www.nospof.test", now), X509_V_OK);
  EXPECT_EQ(read_file(web.bundle("web")),
            read_file(web.key("web")) + read_file(web.certificate("web")));
  EXPECT_EQ(stat_of(layout.authority_key("stack")).st_mode & 07777U, 0600U);
  EXPECT_EQ(stat_of(layout.authority_key("stack")).st_uid, 0U);
  for (const auto& path : {web.key("web"), web.bundle("web")}) {
    EXPECT_EQ(stat_of(path).st_mode & 07777U, 0600U) << path;
    EXPECT_EQ(stat_of(path).st_uid, 65534U) << path;
  }
  EXPECT_EQ(stat_of(web.certificate("web")).st_mode & 07777U, 0644U);
  EXPECT_EQ(::access(layout.host("lb1").certificate("balancer").c_str(), F_OK), -1)
      << "a service without tls has no certificate";
}

TEST_F(CertificateFiles, with_an_intermediate_authority_services_show_the_whole_chain) {
  auto topology = test::sample_topology();
  topology.authorities[0].intermediate = true;
  const Layout layout{folder_.path()};
  write_certificates(topology, layout, now);
  const std::string root = read_file(layout.authority_certificate("stack"));
  const std::string between = read_file(layout.intermediate_certificate("stack"));
  const std::string shown = read_file(layout.host("web1").certificate("web"));
  EXPECT_TRUE(shown.ends_with(between));
  EXPECT_NE(verify(shown, root, "www.nospof.test", now), X509_V_OK) << "not signed by the root";
  EXPECT_EQ(verify(between, root, "", now, X509_PURPOSE_ANY), X509_V_OK);
  EXPECT_EQ(X509_check_private_key(parse(between).get(),
                                   parse_key(read_file(layout.authority_key("stack"))).get()),
            1)
      << "the root's own key is nowhere";
  const auto other = issue_other_certificate(topology, layout, "web1", "web", {}, now);
  EXPECT_TRUE(other.certificate.ends_with(between));
}

TEST_F(CertificateFiles, others_are_issued_while_the_lab_is_up) {
  const auto topology = test::sample_topology();
  const Layout layout{folder_.path()};
  write_certificates(topology, layout, now);
  const std::string root = read_file(layout.authority_certificate("stack"));
  const std::string own = read_file(layout.host("web1").certificate("web"));
  OtherCertificate expired;
  expired.change = [](CertificateRequest& request) {
    request.not_after = now - std::chrono::minutes(1);
  };
  const auto issue = [&](const OtherCertificate& other) {
    return issue_other_certificate(topology, layout, "web1", "web", other, now).certificate;
  };
  EXPECT_EQ(verify(issue(expired), root, "www.nospof.test", now), X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verify(issue({}), root, "www.nospof.test", now), X509_V_OK);
  OtherCertificate stranger;
  stranger.unknown_authority = true;
  EXPECT_NE(verify(issue(stranger), root, "www.nospof.test", now), X509_V_OK);
  EXPECT_EQ(read_file(layout.host("web1").certificate("web")), own) << "nothing is written";
  EXPECT_THROW(issue_other_certificate(topology, layout, "lb1", "balancer", {}, now), Error);
}

TEST_F(CertificateFiles, unknown_owner_is_an_error_that_names_host_and_service) {
  auto topology = test::sample_topology();
  topology.services[1].tls->owner = "no-such-user";
  try {
    write_certificates(topology, Layout{folder_.path()}, now);
    FAIL() << "no error";
  } catch (const Error& e) {
    const std::string text = e.what();
    for (const char* part : {"'web'", "'web1'", "'no-such-user'"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace nospof::lab
