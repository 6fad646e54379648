// What the https probe may take for verified without verifying it again: kept chains, and sessions
// that are resumed.

#include <atomic>
#include <memory>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>

#include "probes/endpoint.hpp"
#include "probes/http_connection.hpp"
#include "tests/kernel/https_probing.hpp"

namespace nospof::test {
namespace {

using kinds::Outcome;
using probes::TlsContext;
using probes::TlsOptions;
using probes::VerifiedChains;
using namespace std::chrono_literals;

class HttpsTrust : public HttpsProbing {
 protected:
  /// What becomes of one request on a connection of its own.
  static probes::Failure ask(const TlsContext& context, int port) {
    int error_number = 0;
    const UniqueFd fd =
        probes::begin_connect(probes::resolve_endpoint("127.0.0.1", port), error_number);
    if (!fd) return probes::connect_failure(error_number);
    probes::HttpConnection connection(&context, fd.get());
    connection.ask("GET /?v=0123456789abcdef HTTP/1.1\r\nHost: x\r\n\r\n");
    auto wants = probes::HttpConnection::Wants::write;
    while (wants != probes::HttpConnection::Wants::nothing) {
      const bool write = wants == probes::HttpConnection::Wants::write;
      pollfd polled{fd.get(), static_cast<short>(write ? POLLOUT : POLLIN), 0};
      if (::poll(&polled, 1, 20'000) != 1) return probes::deadline_failure(true);
      wants = connection.advance();
      if (connection.resting()) return {Outcome::ok, 0};
    }
    return connection.failure();
  }
  Outcome outcome(const TlsContext& context, int port) const { return ask(context, port).outcome; }

  TlsOptions kept(Nanoseconds keep = 1h) {
    if (!chains_) chains_ = std::make_shared<VerifiedChains>(keep);
    TlsOptions options;
    options.verified_chains = chains_;
    return options;
  }
  static TlsOptions resuming() {
    TlsOptions options;
    options.resume_for = 1h;
    return options;
  }
  std::uint64_t found() const { return chains_->found(); }

  std::shared_ptr<VerifiedChains> chains_;
};

/// Answers once, and counts handshakes that resumed a session.
TlsServer::Handler count_resumed(std::atomic<int>& resumed) {
  return [&resumed](ServerConnection& connection) {
    if (!connection.handshake()) return;
    if (connection.resumed()) ++resumed;
    const auto request = connection.read_request();
    if (!request) return;
    connection.write(http_answer(200, "token " + token_of(*request)));
    connection.say_goodbye();
  };
}

TEST_F(HttpsTrust, OffersUnderTls12WhatBrowsersOffer) {
  const TlsContext context(authority_file_, host);
  const std::string name = std::string("DNS:") + host;
  const Identity ec = authority_.issue(name);
  const Identity rsa = authority_.issue(name, {}, KeyType::rsa);
  const auto choosing = [](const std::string& cipher) {
    return [cipher](SSL_CTX* server) {
      EXPECT_EQ(SSL_CTX_set_cipher_list(server, cipher.c_str()), 1) << cipher;
    };
  };
  TlsServer server(ec, echo_token, TlsServer::Newest::tls_1_2);
  const auto expect = [&](const Identity& identity, const std::string& cipher, Outcome expected) {
    server.change(identity, choosing(cipher));
    EXPECT_EQ(outcome(context, server.port()), expected) << cipher;
  };
  for (const std::string cipher : {"AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305",
                                   "AES128-SHA", "AES256-SHA"}) {
    expect(ec, "ECDHE-ECDSA-" + cipher, Outcome::ok);
    expect(rsa, "ECDHE-RSA-" + cipher, Outcome::ok);
    if (!cipher.starts_with("CHACHA")) expect(rsa, cipher, Outcome::ok);
  }
  expect(ec, "ECDHE-ECDSA-AES128-SHA256", Outcome::tls_handshake);
  expect(rsa, "ECDHE-RSA-CAMELLIA128-SHA256", Outcome::tls_handshake);
}

TEST_F(HttpsTrust, OffersEveryUsualCipherOfTls13) {
  const TlsContext context(authority_file_, host);
  TlsServer server(good_identity(), echo_token);
  const auto expect = [&](const char* cipher, Outcome expected) {
    server.change(good_identity(), [&](SSL_CTX* tuned) {
      EXPECT_EQ(SSL_CTX_set_ciphersuites(tuned, cipher), 1) << cipher;
    });
    EXPECT_EQ(outcome(context, server.port()), expected) << cipher;
  };
  expect("TLS_AES_128_GCM_SHA256", Outcome::ok);
  expect("TLS_AES_256_GCM_SHA384", Outcome::ok);
  expect("TLS_CHACHA20_POLY1305_SHA256", Outcome::ok);
  expect("TLS_AES_128_CCM_SHA256", Outcome::tls_handshake);
}

TEST_F(HttpsTrust, AKeptChainIsVerifiedOnce) {
  TlsServer server(good_identity(), echo_token);
  const TlsContext context(authority_file_, host, kept());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome(context, server.port()), Outcome::ok);
  EXPECT_EQ(found(), 4U);
}

TEST_F(HttpsTrust, AKeptChainIsVerifiedAnewAfterItsTime) {
  TlsServer server(good_identity(), echo_token);
  const TlsContext context(authority_file_, host, kept(1ms));
  EXPECT_EQ(outcome(context, server.port()), Outcome::ok);
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(outcome(context, server.port()), Outcome::ok);
  EXPECT_EQ(found(), 0U);
}

TEST_F(HttpsTrust, AKeptChainThatExpiredMeanwhileIsRefused) {
  const Identity short_lived =
      authority_.issue(std::string("DNS:") + host, {std::chrono::hours(-1), 3s});
  TlsServer server(short_lived, echo_token);
  const TlsContext context(authority_file_, host, kept());
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  std::this_thread::sleep_for(3100ms);
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_expired);
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_expired);
  EXPECT_EQ(found(), 0U);
}

TEST_F(HttpsTrust, AKeptChainIsNoneForAnotherIdentity) {
  TlsServer server(good_identity(), echo_token);
  const TlsContext context(authority_file_, host, kept());
  const TlsContext other(authority_file_, "other.nospof.test", kept());
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  EXPECT_EQ(outcome(other, server.port()), Outcome::tls_wrong_identity);
  EXPECT_EQ(found(), 0U);
}

TEST_F(HttpsTrust, AKeptChainIsNoneForWhoTrustsAnotherAuthority) {
  const Authority other_authority;  // of the same name
  const std::string other_file = folder_ / "other.pem";
  write_file(other_file, other_authority.pem());
  TlsServer server(good_identity(), echo_token);
  const TlsContext context(authority_file_, host, kept());
  const TlsContext other(other_file, host, kept());
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  EXPECT_EQ(outcome(other, server.port()), Outcome::tls_untrusted);
  EXPECT_EQ(found(), 0U);
}

TEST_F(HttpsTrust, AKeptChainIsRefusedOnceItsAuthorityIsNotTrustedAnyMore) {
  const Authority remaining;
  const std::string trust = folder_ / "trust.pem";
  write_file(trust, authority_.pem() + remaining.pem());
  TlsServer server(good_identity(), echo_token);
  {
    const TlsContext context(trust, host, kept());
    ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
    ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
    ASSERT_EQ(found(), 1U);
  }
  write_file(trust, remaining.pem());
  const TlsContext context(trust, host, kept());
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_untrusted);
  EXPECT_EQ(found(), 1U);
}

TEST_F(HttpsTrust, AnotherCertificateOfTheServerIsVerified) {
  TlsServer server(good_identity(), echo_token);
  const TlsContext context(authority_file_, host, kept());
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  server.change(Authority().issue(std::string("DNS:") + host));
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_untrusted);
  server.change(authority_.issue("DNS:other.nospof.test"));
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_wrong_identity);
  server.change(good_identity());
  EXPECT_EQ(outcome(context, server.port()), Outcome::ok);
  EXPECT_EQ(found(), 0U);
}

TEST_F(HttpsTrust, ARefusedChainIsNotKept) {
  TlsServer server(Authority().issue(std::string("DNS:") + host), echo_token);
  const TlsContext context(authority_file_, host, kept());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(context, server.port()), Outcome::tls_untrusted);
  EXPECT_EQ(found(), 0U);
}

TEST_F(HttpsTrust, AServerWithoutTheKeyOfAKeptChainIsRefused) {
  const Identity good = good_identity();
  TlsServer server(good, echo_token);
  const TlsContext context(authority_file_, host, kept());
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  // The good certificate, shown by who has another key.
  const Identity foreign = authority_.issue(std::string("DNS:") + host);
  server.change(foreign, [&](SSL_CTX* tuned) {
    SSL_CTX_set_cert_cb(
        tuned,
        [](SSL* ssl, void* certificate) {
          // OpenSSL compares the two, unless the certificate is put below its feet.
          X509* shown = SSL_get_certificate(ssl);
          const auto* wanted = static_cast<X509*>(certificate);
          unsigned char* der = nullptr;
          const int size = i2d_X509(wanted, &der);
          const unsigned char* at = der;
          const bool changed = d2i_X509(&shown, &at, size) != nullptr;
          OPENSSL_free(der);
          return changed ? 1 : 0;
        },
        good.certificate.get());
  });
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_handshake);
}

TEST_F(HttpsTrust, SessionsAreResumedWhereThatIsWanted) {
  for (const auto newest : {TlsServer::Newest::tls_1_3, TlsServer::Newest::tls_1_2}) {
    std::atomic<int> resumed = 0;
    TlsServer server(good_identity(), count_resumed(resumed), newest);
    auto wanted = config(server.port(), 20, 20);
    wanted["resume_sessions_for_ns"] = 60'000'000'000;
    expect_all(run(wanted), Outcome::ok);
    EXPECT_EQ(server.connections(), 20);
    // Several that are opened at the same time may need a full handshake each.
    EXPECT_GE(resumed, 5);
    EXPECT_LT(resumed, 20);
  }
}

TEST_F(HttpsTrust, ASessionIsNotResumedOnceItsCertificateExpired) {
  std::atomic<int> resumed = 0;
  TlsServer server(authority_.issue(std::string("DNS:") + host, {std::chrono::hours(-1), 3s}),
                   count_resumed(resumed));
  TlsOptions options = resuming();
  options.verified_chains = kept().verified_chains;
  const TlsContext context(authority_file_, host, options);
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  EXPECT_EQ(resumed, 1);
  std::this_thread::sleep_for(3100ms);
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_expired);
  EXPECT_EQ(resumed, 1);
}

TEST_F(HttpsTrust, ASessionIsNotResumedForLongerThanSaid) {
  std::atomic<int> resumed = 0;
  TlsServer server(good_identity(), count_resumed(resumed));
  TlsOptions options;
  options.resume_for = 1s;
  const TlsContext context(authority_file_, host, options);
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  std::this_thread::sleep_for(1100ms);
  EXPECT_EQ(outcome(context, server.port()), Outcome::ok);
  EXPECT_EQ(resumed, 0);
}

TEST_F(HttpsTrust, AServerThatForgotItsSessionsIsVerifiedInFull) {
  std::atomic<int> resumed = 0;
  TlsServer server(good_identity(), count_resumed(resumed));
  const TlsContext context(authority_file_, host, resuming());
  ASSERT_EQ(outcome(context, server.port()), Outcome::ok);
  // Other keys for its tickets, and a certificate that nobody vouches for.
  server.change(Authority().issue(std::string("DNS:") + host));
  EXPECT_EQ(outcome(context, server.port()), Outcome::tls_untrusted);
  EXPECT_EQ(resumed, 0);
}

}  // namespace
}  // namespace nospof::test
