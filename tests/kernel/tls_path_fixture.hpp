#pragma once
// TLS servers on 127.0.0.1 with certificates of a lab's making, and the tls-path probe before them.

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "lab/certificates.hpp"
#include "probes/tls_path.hpp"
#include "system/tls_look.hpp"
#include "tests/kernel/https_server.hpp"
#include "tests/kernel/looking.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {

/// What a server shows, and what else is special about it.
struct Face {
  Identity identity;
  TlsServer::Tune tune;
  std::string key;  ///< SHA-256 of its public key
};

class TlsPath : public ::testing::Test {
 protected:
  using Change = std::function<void(lab::CertificateRequest&)>;
  static constexpr const char* name = "app.nospof.test";
  static constexpr std::int64_t hour_ns = 3'600'000'000'000;

  TlsPath() {
    write_file(authority_file_, root_.certificate());
    const lab::IssuedCertificate own = issue(authority_, {});
    write_file(own_certificate_, own.certificate + authority_.certificate());
    write_file(own_key_, own.key);
  }

  static lab::IssuedCertificate issue(const lab::CertificateAuthority& authority,
                                      const Change& change) {
    lab::CertificateRequest request;
    request.identity = name;
    request.not_before = SystemClock().wall() - std::chrono::hours(1);
    request.not_after = SystemClock().wall() + std::chrono::hours(12);
    if (change) change(request);
    return authority.issue(request);
  }

  static std::shared_ptr<X509> certificate_in(const std::string& pem) {
    const std::shared_ptr<BIO> bio(BIO_new_mem_buf(pem.data(), -1), BIO_free);
    return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free};
  }

  /// A certificate below `authority`, which is sent along unless `alone`.
  static Face face(const lab::CertificateAuthority& authority, const Change& change = {},
                   const TlsServer::Tune& more = {}, bool alone = false) {
    const lab::IssuedCertificate issued = issue(authority, change);
    const std::shared_ptr<BIO> bio(BIO_new_mem_buf(issued.key.data(), -1), BIO_free);
    Face made;
    made.identity.certificate = certificate_in(issued.certificate);
    made.identity.key = {PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr),
                         EVP_PKEY_free};
    made.tune = [more, alone, chain = certificate_in(authority.certificate())](SSL_CTX* context) {
      if (!alone) SSL_CTX_add1_chain_cert(context, chain.get());
      if (more) more(context);
    };
    made.key = certificate_of_pem(issued.certificate, "the test's certificate").key;
    return made;
  }
  Face good(const TlsServer::Tune& more = {}) const { return face(authority_, {}, more); }

  /// Asks for the client's certificate; with `mode` SSL_VERIFY_FAIL_IF_NO_PEER_CERT demands it.
  TlsServer::Tune asks_for_certificate(int mode) const {
    return [file = authority_file_, mode](SSL_CTX* context) {
      SSL_CTX_load_verify_file(context, file.c_str());
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | mode, nullptr);
    };
  }

  /// A page, and an end as it should be.
  static void serve(ServerConnection& connection) {
    if (!connection.handshake()) return;
    if (!connection.read_request()) return;
    connection.write(http_answer(200, "a page"));
    connection.say_goodbye();
  }

  boost::json::object target(int port) const {
    return {{"name", "web-app"},
            {"address", "127.0.0.1"},
            {"port", port},
            {"identity", name},
            {"authority_file", authority_file_},
            {"valid_for_ns", hour_ns}};
  }
  /// That must demand a certificate, for a host that has one.
  boost::json::object demanding_target(int port) const {
    boost::json::object one = target(port);
    one["client_certificate"] = true;
    one["certificate_file"] = own_certificate_;
    one["key_file"] = own_key_;
    return one;
  }
  static boost::json::object config(const std::vector<boost::json::object>& targets) {
    boost::json::array list;
    for (const auto& one : targets) list.emplace_back(one);
    return {{"from", "web1"}, {"every_ns", 5'000'000}, {"targets", std::move(list)}};
  }
  static LookRun look(const boost::json::object& target) {
    return LookRun(*probes::make_tls_path(), config({target}));
  }

  /// The server shows a bad face first, which is found, and then a good one, with which it is over;
  /// nothing else is told.
  void expect_found_and_over(const std::string& what, const Face& bad, const Face& healed,
                             boost::json::object with = {},
                             TlsServer::Newest newest = TlsServer::Newest::tls_1_3) {
    TlsServer server(bad.identity, serve, newest, bad.tune);
    boost::json::object one = target(server.port());
    for (const auto& [key, value] : with) one[key] = value;
    LookRun run(*probes::make_tls_path(), config({one}));
    EXPECT_TRUE(run.wait_for_finding(what));
    EXPECT_TRUE(run.wait_for_decided_rounds(2));
    server.change(healed.identity, healed.tune);
    EXPECT_TRUE(run.wait_for_finding(what, true));
    EXPECT_TRUE(run.wait_for_decided_rounds(2));
    EXPECT_THAT(run.told(), testing::ElementsAre(what, "over: " + what));
    for (const kinds::Finding& finding : run.sink().findings()) {
      EXPECT_EQ(finding.subject, fmt::format("web-app: web1 -> 127.0.0.1:{}", server.port()));
      EXPECT_LE(finding.since_ns, finding.at_ns);
      EXPECT_EQ(finding.violation, what != "tls-expires-soon");
    }
  }

  const WallTime now_ = SystemClock().wall();
  const lab::CertificateAuthority root_ = lab::CertificateAuthority::make(
      "test CA", now_ - std::chrono::hours(1), now_ + std::chrono::hours(24), 1);
  const lab::CertificateAuthority authority_ = root_.make_below(
      "test intermediate CA", now_ - std::chrono::hours(1), now_ + std::chrono::hours(24));
  TemporaryFolder folder_;
  std::string authority_file_ = folder_ / "ca.crt";
  std::string own_certificate_ = folder_ / "own.crt";
  std::string own_key_ = folder_ / "own.key";
};

}  // namespace nospof::test
