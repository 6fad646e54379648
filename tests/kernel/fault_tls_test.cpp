#include <openssl/evp.h>

#include "faults/tls.hpp"
#include "faults/tls_terminate.hpp"
#include "system/tls_shown.hpp"
#include "tls_fixture.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

constexpr int untrusted = 60;  // curl: the certificate can't be verified
constexpr int no_handshake = 35;
constexpr int wrong_key = 90;  // curl: the public key is not the pinned one

class TlsFault : public TlsDaemons {
 protected:
  boost::json::object parameters(const std::string& mode) const {
    boost::json::object fields{{"mode", mode},
                               {"service", "nginx"},
                               {"address", "127.0.0.1"},
                               {"port", port},
                               {"identity", name},
                               {"authority_file", etc("ca.crt")},
                               {"certificate_file", etc("nginx.crt")},
                               {"key_file", etc("nginx.key")},
                               {"bundle_file", etc("nginx.pem")}};
    fields["reload"] = boost::json::object{{"how", "signal"}, {"signal", "HUP"}};
    return fields;
  }
  boost::json::object with(const std::string& mode, const lab::IssuedCertificate& bad) const {
    boost::json::object fields = parameters(mode);
    fields["bad_chain"] = bad.certificate;
    fields["bad_key"] = bad.key;
    return fields;
  }
  boost::json::object expired() const {
    return with("expired", issue([this](lab::CertificateRequest& request) {
                  request.not_before = clock_.wall() - 48h;
                  request.not_after = clock_.wall() - 24h;
                }));
  }

  /// In force as clients see it, then gone, with nothing left behind.
  void expect_bites(const boost::json::object& fields, const std::string& evidence,
                    int answer = untrusted) {
    const auto before = files();
    const auto injection = prepare(*faults::make_tls(), fields);
    EXPECT_EQ(files(), before) << "prepare() changes nothing";
    inside([&] { injection->inject(); });
    EXPECT_THAT(confirmed(*injection).evidence, HasSubstr(evidence));
    EXPECT_TRUE(eventually([&] { return curl() == answer; }));
    EXPECT_THROW(inside([&] { injection->inject(); }), Error) << "a second time";
    EXPECT_NE(injection->confirm_healed().outcome, Outcome::confirmed);
    heal(*injection);
    EXPECT_TRUE(eventually([&] { return curl() == 0; }));
    EXPECT_EQ(files(), before);
    heal(*injection);
    EXPECT_EQ(files(), before);
    EXPECT_EQ(curl(), 0);
  }
};

// A service may reload only when each handshake has ended, and the agent's thread waits for it.
TEST_F(TlsFault, NoConnectionIsOpenWhileItIsTakenBack) {
  start_nginx();
  const auto injection = prepare(*faults::make_tls(), expired());
  expect_no_connection_at_release(*injection, "nginx");
}

TEST_F(TlsFault, AnExpiredCertificateIsShownAndPutBack) {
  start_nginx();
  expect_bites(expired(), "certificate has expired");
}

TEST_F(TlsFault, ACertificateThatIsNotYetValid) {
  start_nginx();
  expect_bites(with("not-yet-valid", issue([this](lab::CertificateRequest& request) {
                      request.not_before = clock_.wall() + 24h;
                      request.not_after = clock_.wall() + 48h;
                    })),
               "certificate is not yet valid");
}

TEST_F(TlsFault, ACertificateForSomebodyElse) {
  start_nginx();
  expect_bites(with("wrong-name", issue([](lab::CertificateRequest& request) {
                      request.identity = "wrong-name.invalid";
                    })),
               "CN=wrong-name.invalid");
}

TEST_F(TlsFault, ACertificateOfAnAuthorityThatNobodyKnows) {
  start_nginx();
  const auto other =
      lab::CertificateAuthority::make("test CA", clock_.wall() - 1h, clock_.wall() + 1h);
  lab::CertificateRequest request;
  request.identity = name;
  request.not_before = clock_.wall() - 1h;
  request.not_after = clock_.wall() + 1h;
  expect_bites(with("unknown-ca", other.issue(request)), "unable to get local issuer");
}

TEST_F(TlsFault, ValidButWithAnotherKeyIsNoticedByWhoPinsIt) {
  start_nginx();
  const auto key = certificate_of_pem(read_file(etc("nginx.crt")), "nginx.crt").key;
  std::string pinned(64, '\0');
  const std::string bytes = from_hex(key);
  pinned.resize(static_cast<std::size_t>(EVP_EncodeBlock(
      reinterpret_cast<unsigned char*>(pinned.data()),
      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()))));
  const std::vector<std::string> pin{"--pinnedpubkey", "sha256//" + pinned};
  ASSERT_EQ(curl(pin), 0);
  const auto injection = prepare(*faults::make_tls(), with("replaced-key", issue({})));
  inside([&] { injection->inject(); });
  confirmed(*injection);
  EXPECT_EQ(curl(), 0) << "nobody else notices";
  EXPECT_TRUE(eventually([&] { return curl(pin) == wrong_key; }));
  heal(*injection);
  EXPECT_TRUE(eventually([&] { return curl(pin) == 0; }));
}

TEST_F(TlsFault, TheIntermediateCertificateIsMissing) {
  start_nginx();
  expect_bites(parameters("missing-intermediate"), "1 sent");
}

TEST_F(TlsFault, AWeakProtocolIsTaken) {
  start_nginx();
  boost::json::object fields = parameters("weak-protocol");
  fields["config_file"] = etc("nginx.conf");
  fields["search"] = boost::json::array{"ssl_protocols TLSv1.2 TLSv1.3;"};
  fields["replace"] = boost::json::array{"ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"};
  expect_bites(fields, "a handshake with TLSv1.1", no_handshake);
}

TEST_F(TlsFault, RefusesWhatItCouldNotTellOrTakeBack) {
  start_nginx();
  const auto kind = faults::make_tls();
  const auto refusal = [&](const boost::json::object& fields) {
    try {
      prepare(*kind, fields);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const auto first = prepare(*kind, expired());
  inside([&] { first->inject(); });
  confirmed(*first);
  EXPECT_THAT(refusal(expired()), HasSubstr("not in order before the fault"));
  heal(*first);
  boost::json::object elsewhere = expired();
  elsewhere["port"] = port + 1;
  EXPECT_THAT(refusal(elsewhere), HasSubstr("shows no certificate"));
  write_file(etc("nginx.crt"), issue({}).certificate);
  EXPECT_THAT(refusal(expired()), HasSubstr("does not show the certificate of"));
}

TEST_F(TlsFault, AnotherProcessTakesItBackWhenItsOwnerWasKilled) {
  start_nginx();
  const auto before = files();
  const std::string records = inject_and_die(*faults::make_tls(), expired());
  EXPECT_TRUE(eventually([&] { return curl() == untrusted; }));
  EXPECT_EQ(undo_elsewhere(records), 0);
  EXPECT_TRUE(eventually([&] { return curl() == 0; }));
  EXPECT_EQ(files(), before);
  EXPECT_EQ(undo_elsewhere(records), 0);
  EXPECT_EQ(files(), before);
}

TEST_F(TlsFault, UndoOfWhatWasNeverDoneTouchesNothing) {
  start_nginx();
  const auto injection = prepare(*faults::make_tls(), expired());
  const auto main = services_->state("nginx").processes;
  for (const auto& record : injection->undo()) {
    const auto result = agent::execute_undo(record, env_);
    EXPECT_TRUE(result.done);
    EXPECT_FALSE(result.changed) << result.detail;
  }
  EXPECT_EQ(services_->state("nginx").processes, main) << "not even reloaded";
}

TEST_F(TlsFault, WhatSomebodyElseWroteMeanwhileStays) {
  start_nginx();
  const auto injection = prepare(*faults::make_tls(), expired());
  inside([&] { injection->inject(); });
  confirmed(*injection);
  const auto renewed = issue({});
  for (const auto& [file, text] :
       {std::pair{"nginx.crt", renewed.certificate}, std::pair{"nginx.key", renewed.key}})
    write_file(etc(file), text, 0600);
  inside([&] {
    for (const auto& record : injection->undo()) {
      const auto result = agent::execute_undo(record, env_);
      EXPECT_TRUE(result.done) << result.detail;
      EXPECT_THAT(result.detail, HasSubstr("was changed by somebody else"));
    }
  });
  EXPECT_EQ(read_file(etc("nginx.crt")), renewed.certificate);
  EXPECT_EQ(injection->confirm_healed().outcome, Outcome::not_yet);
  EXPECT_TRUE(eventually([&] { return curl() == 0; }));
}

/// haproxy in front of nginx, passing TLS through.
class TlsTerminate : public TlsFault {
 protected:
  static constexpr int balancer_port = 7444;

  void start_both() {
    const auto own = issue([](lab::CertificateRequest& request) { request.identity = "lb.test"; });
    write_file(etc("haproxy.crt"), own.certificate);
    write_file(etc("haproxy.pem"), own.key + own.certificate, 0600);
    write_file(etc("haproxy.cfg"),
               fmt::format("global\n  maxconn 100\n\ndefaults\n  mode tcp\n  timeout connect 1s\n"
                           "  timeout client 5s\n  timeout server 5s\n\nfrontend f\n"
                           "  bind 127.0.0.1:{}\n  default_backend b\n\nbackend b\n"
                           "  server web 127.0.0.1:{}\n",
                           balancer_port, port));
    add_nginx();
    add(plan("haproxy", in_network({"haproxy", "-W", "-db", "-f", etc("haproxy.cfg")}),
             spec::RestartPolicy::always));
    start();
    running("nginx", "nginx");
    running("haproxy", "haproxy");
    ASSERT_TRUE(eventually([&] { return curl({}, balancer_port) == 0; })) << log("haproxy");
  }
  boost::json::object termination() const {
    boost::json::object fields{{"service", "haproxy"},
                               {"path", etc("haproxy.cfg")},
                               {"certificate_file", etc("haproxy.crt")},
                               {"address", "127.0.0.1"},
                               {"port", balancer_port}};
    fields["search"] = boost::json::array{fmt::format("bind 127.0.0.1:{}", balancer_port),
                                          fmt::format("server web 127.0.0.1:{}", port)};
    fields["replace"] = boost::json::array{
        fmt::format("bind 127.0.0.1:{} ssl crt {}", balancer_port, etc("haproxy.pem")),
        fmt::format("server web 127.0.0.1:{} ssl verify required ca-file {} sni str({}) verifyhost "
                    "{}",
                    port, etc("ca.crt"), name, name)};
    fields["reload"] = boost::json::object{{"how", "signal"}, {"signal", "USR2"}};
    return fields;
  }
};

TEST_F(TlsTerminate, TheBalancerShowsItsOwnKeyAndPassesThroughAgain) {
  start_both();
  const auto before = files();
  const auto kind = faults::make_tls_terminate();
  const auto injection = prepare(*kind, termination());
  inside([&] { injection->inject(); });
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("CN=lb.test"));
  EXPECT_TRUE(eventually([&] { return curl({}, balancer_port) == untrusted; }))
      << "it is for another name";
  EXPECT_EQ(curl({"--insecure"}, balancer_port), 0) << "but it goes all the way";
  EXPECT_EQ(curl(), 0) << "the web server itself is as before";
  EXPECT_THROW(prepare(*kind, termination()), Error) << "ends TLS already";
  heal(*injection);
  EXPECT_TRUE(eventually([&] { return curl({}, balancer_port) == 0; }));
  EXPECT_EQ(files(), before);
  heal(*injection);
  EXPECT_EQ(files(), before);
}

TEST_F(TlsTerminate, NoConnectionIsOpenWhileItIsTakenBack) {
  start_both();
  const auto injection = prepare(*faults::make_tls_terminate(), termination());
  expect_no_connection_at_release(*injection, "haproxy");
}

TEST_F(TlsTerminate, AnotherProcessTakesItBackWhenItsOwnerWasKilled) {
  start_both();
  const auto before = files();
  const std::string records = inject_and_die(*faults::make_tls_terminate(), termination());
  EXPECT_TRUE(eventually([&] { return curl({}, balancer_port) == untrusted; }));
  EXPECT_EQ(undo_elsewhere(records), 0);
  EXPECT_TRUE(eventually([&] { return curl({}, balancer_port) == 0; }));
  EXPECT_EQ(files(), before);
}

}  // namespace
}  // namespace nospof::test
