// The truth of the tls-path probe: each thing that can be wrong with a server, made for real, gives
// exactly its finding, and ends.

#include <atomic>

#include "tests/kernel/tls_path_fixture.hpp"

namespace nospof::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(TlsPath, FindsNothingAboutAGoodServer) {
  const Face shown = good(asks_for_certificate(SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
  for (const auto newest : {TlsServer::Newest::tls_1_3, TlsServer::Newest::tls_1_2}) {
    TlsServer server(shown.identity, serve, newest, shown.tune);
    auto one = demanding_target(server.port());
    one["expect_keys"] = {shown.key};
    LookRun run(*probes::make_tls_path(), config({one}));
    EXPECT_TRUE(run.wait_for_decided_rounds(12));
    EXPECT_THAT(run.told(), IsEmpty());
    const std::string subject = fmt::format("web-app: web1 -> 127.0.0.1:{} ", server.port());
    const auto each =
        UnorderedElementsAre(subject + "tls", subject + "client-certificate",
                             subject + "no-weak-protocol", subject + "no-renegotiation");
    EXPECT_THAT(run.sink().expected(), each);
    EXPECT_THAT(run.sink().decided(), each) << "each of them once";
    // With a certificate and without one; at times also weak protocols only, and a renegotiation.
    const auto& rounds = run.sink().rounds();
    for (std::size_t i = 0; i < rounds.size(); ++i)
      EXPECT_TRUE(rounds[i].undecided > 0 || rounds[i].checked == (i % 10 == 0 ? 4U : 2U)) << i;
  }
}

// It may keep a descriptor for each handshake that it refuses, as Galera does.
TEST_F(TlsPath, AServerOfAnUnknownProtocolHasToRefuseSeldom) {
  const Face shown = good(asks_for_certificate(SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
  TlsServer server(shown.identity, serve, TlsServer::Newest::tls_1_3, shown.tune);
  auto one = demanding_target(server.port());
  one["ask_http"] = false;
  LookRun run(*probes::make_tls_path(), config({one}));
  EXPECT_TRUE(run.wait_for_decided_rounds(32));
  EXPECT_THAT(run.told(), IsEmpty());
  const auto& rounds = run.sink().rounds();
  const auto asked =
      std::ranges::count_if(rounds, [](const auto& each) { return each.checked > 1; });
  const auto undecided =
      std::ranges::count_if(rounds, [](const auto& each) { return each.undecided > 0; });
  EXPECT_GE(asked, 2);
  EXPECT_LE(asked, 2 + undecided) << "in " << rounds.size();
}

// A database node may join after the first look, and 30 rounds are longer than many runs.
TEST_F(TlsPath, WhatTheFirstRoundCouldNotTellIsAskedForInTheNext) {
  const Face shown = good(asks_for_certificate(SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
  std::atomic<bool> up{false};
  TlsServer server(
      shown.identity,
      [&up](ServerConnection& connection) {
        if (up) serve(connection);
      },
      TlsServer::Newest::tls_1_3, shown.tune);
  auto one = demanding_target(server.port());
  one["ask_http"] = false;
  LookRun run(*probes::make_tls_path(), config({one}));
  EXPECT_TRUE(run.wait_for_undecided_rounds(1));
  up = true;
  EXPECT_TRUE(run.wait_for_decided_rounds(2));
  EXPECT_THAT(run.told(), IsEmpty());
  EXPECT_EQ(run.sink().decided().size(), 4U);
  const auto& rounds = run.sink().rounds();
  const auto whole = std::ranges::find(rounds, std::uint64_t{4}, &kinds::Round::checked);
  ASSERT_NE(whole, rounds.end());
  EXPECT_EQ(std::next(whole)->checked, 1U) << "only once";
}

TEST_F(TlsPath, FindsAnExpiredCertificate) {
  const Face bad = face(authority_, [](auto& request) {
    request.not_before -= 3h;
    request.not_after = SystemClock().wall() - 2h;
  });
  expect_found_and_over("tls-expired", bad, good());
}

TEST_F(TlsPath, FindsACertificateThatIsNotValidYet) {
  const Face bad =
      face(authority_, [](auto& request) { request.not_before = SystemClock().wall() + 2h; });
  expect_found_and_over("tls-expired", bad, good());
}

TEST_F(TlsPath, FindsACertificateThatExpiresSoon) {
  const Face bad =
      face(authority_, [](auto& request) { request.not_after = SystemClock().wall() + 30min; });
  expect_found_and_over("tls-expires-soon", bad, good());
}

TEST_F(TlsPath, FindsAnAuthorityThatExpiresSoon) {
  const auto soon = root_.make_below("test CA", now_ - 1h, now_ + 30min);
  expect_found_and_over("tls-expires-soon", face(soon), good());
}

TEST_F(TlsPath, FindsAnotherName) {
  const Face bad = face(authority_, [](auto& request) { request.identity = "other.nospof.test"; });
  expect_found_and_over("tls-wrong-identity", bad, good());
}

TEST_F(TlsPath, FindsAnUnknownAuthority) {
  const auto stranger = lab::CertificateAuthority::make("stranger", now_ - 1h, now_ + 24h);
  expect_found_and_over("tls-untrusted", face(stranger), good());
}

TEST_F(TlsPath, FindsAMissingIntermediateCertificate) {
  expect_found_and_over("tls-untrusted", face(authority_, {}, {}, true), good());
}

TEST_F(TlsPath, FindsThatSomebodyElseEndsTls) {
  const Face right = good();
  expect_found_and_over("tls-other-key", good(), right, {{"expect_keys", {right.key}}});
}

TEST_F(TlsPath, NamesBothKeys) {
  const Face right = good();
  const Face other = good();
  TlsServer server(other.identity, serve, TlsServer::Newest::tls_1_3, other.tune);
  auto one = target(server.port());
  one["expect_keys"] = {right.key};
  LookRun run(*probes::make_tls_path(), config({one}));
  EXPECT_TRUE(run.wait_for_finding("tls-other-key"));
  run.stop();
  const std::string detail = run.sink().findings().at(0).detail;
  EXPECT_THAT(detail, HasSubstr(other.key));
  EXPECT_THAT(detail, HasSubstr(right.key));
  EXPECT_THAT(detail, HasSubstr(name));
}

TEST_F(TlsPath, FindsAllThatIsWrongAtOnce) {
  const auto stranger = lab::CertificateAuthority::make("stranger", now_ - 1h, now_ + 24h);
  const Face bad = face(stranger, [](auto& request) {
    request.identity = "other.nospof.test";
    request.not_before -= 3h;
    request.not_after = SystemClock().wall() - 2h;
  });
  TlsServer server(bad.identity, serve, TlsServer::Newest::tls_1_3, bad.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_decided_rounds(2));
  EXPECT_THAT(run.told(),
              UnorderedElementsAre("tls-untrusted", "tls-wrong-identity", "tls-expired"));
}

TEST_F(TlsPath, FindsAServerThatAlsoTakesWeakProtocols) {
  const Face bad = good([](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
  });
  expect_found_and_over("tls-weak-protocol", bad, good());
}

TEST_F(TlsPath, TheFloorOfProtocolsMayBeHigher) {
  const Face strict =
      good([](SSL_CTX* context) { SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION); });
  expect_found_and_over("tls-weak-protocol", good(), strict, {{"min_protocol", "TLSv1.3"}});
}

TEST_F(TlsPath, FindsAServerThatKnowsWeakProtocolsOnly) {
  const Face bad = good([](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
  });
  TlsServer server(bad.identity, serve, TlsServer::Newest::tls_1_3, bad.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_decided_rounds(2));
  // Such protocols have no strong cipher.
  EXPECT_THAT(run.told(), UnorderedElementsAre("tls-weak-protocol", "tls-weak-cipher"));
}

TEST_F(TlsPath, FindsAWeakCipher) {
  const Face bad =
      good([](SSL_CTX* context) { SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-SHA"); });
  expect_found_and_over("tls-weak-cipher", bad, good(), {}, TlsServer::Newest::tls_1_2);
}

TEST_F(TlsPath, FindsAServerThatRenegotiates) {
  const Face bad = good(
      [](SSL_CTX* context) { SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION); });
  expect_found_and_over("tls-renegotiation", bad, good());
}

TEST_F(TlsPath, FindsAServerThatAsksForNoCertificate) {
  for (const auto newest : {TlsServer::Newest::tls_1_3, TlsServer::Newest::tls_1_2})
    expect_found_and_over("tls-no-client-certificate-demanded", good(),
                          good(asks_for_certificate(SSL_VERIFY_FAIL_IF_NO_PEER_CERT)),
                          {{"client_certificate", true},
                           {"certificate_file", own_certificate_},
                           {"key_file", own_key_}},
                          newest);
}

TEST_F(TlsPath, FindsAServerThatAsksButServesWithoutACertificateToo) {
  for (const auto newest : {TlsServer::Newest::tls_1_3, TlsServer::Newest::tls_1_2})
    expect_found_and_over("tls-no-client-certificate-demanded", good(asks_for_certificate(0)),
                          good(asks_for_certificate(SSL_VERIFY_FAIL_IF_NO_PEER_CERT)),
                          {{"client_certificate", true},
                           {"certificate_file", own_certificate_},
                           {"key_file", own_key_}},
                          newest);
}

TEST_F(TlsPath, AHostWithoutACertificateCanTellToo) {
  const Face demanding = good(asks_for_certificate(SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
  for (const auto newest : {TlsServer::Newest::tls_1_3, TlsServer::Newest::tls_1_2}) {
    TlsServer server(demanding.identity, serve, newest, demanding.tune);
    auto one = target(server.port());
    one["client_certificate"] = true;
    LookRun run(*probes::make_tls_path(), config({one}));
    EXPECT_TRUE(run.sink().wait_until([&] { return run.sink().rounds().size() >= 3; }));
    EXPECT_THAT(run.told(), IsEmpty());
  }
}

// As nginx with `ssl_verify_client on`: the handshake goes through, and then nothing is served.
TEST_F(TlsPath, AnAnswerThatRefusesForTheCertificateIsARefusal) {
  const Face asking = good(asks_for_certificate(0));
  TlsServer server(
      asking.identity,
      [](ServerConnection& connection) {
        if (!connection.handshake() || !connection.read_request()) return;
        connection.write(connection.shows_certificate()
                             ? http_answer(200, "a page")
                             : http_answer(400, "No required SSL certificate was sent"));
        connection.say_goodbye();
      },
      TlsServer::Newest::tls_1_3, asking.tune);
  auto one = demanding_target(server.port());
  LookRun run(*probes::make_tls_path(), config({one}));
  EXPECT_TRUE(run.wait_for_decided_rounds(3));
  EXPECT_THAT(run.told(), IsEmpty());
}

TEST_F(TlsPath, NotesAnAnswerThatWasCutOff) {
  std::atomic<bool> polite = false;
  const Face shown = good();
  TlsServer server(
      shown.identity,
      [&](ServerConnection& connection) {
        if (!connection.handshake() || !connection.read_request()) return;
        connection.write("HTTP/1.1 200 OK\r\n\r\nhalf of");
        if (polite) connection.say_goodbye();
      },
      TlsServer::Newest::tls_1_3, shown.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_finding("tls-truncated"));
  polite = true;
  EXPECT_TRUE(run.wait_for_finding("tls-truncated", true));
  EXPECT_THAT(run.told(), ElementsAre("tls-truncated", "over: tls-truncated"));
  EXPECT_FALSE(run.sink().findings().at(0).violation);
}

TEST_F(TlsPath, ALongAnswerIsReadToItsEnd) {
  const Face shown = good();
  TlsServer server(
      shown.identity,
      [&](ServerConnection& connection) {
        if (!connection.handshake() || !connection.read_request()) return;
        connection.write("HTTP/1.1 200 OK\r\n\r\n" + std::string(20'000, 'x'));
      },
      TlsServer::Newest::tls_1_3, shown.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_finding("tls-truncated"));
}

TEST_F(TlsPath, FindsPlainText) {
  std::atomic<bool> plain = true;
  const Face shown = good();
  TlsServer server(
      shown.identity,
      [&](ServerConnection& connection) {
        if (!plain) return serve(connection);
        connection.write_plain("HTTP/1.1 400 Bad Request\r\n\r\n");
        connection.handshake();
      },
      TlsServer::Newest::tls_1_3, shown.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_finding("tls-absent"));
  EXPECT_TRUE(run.wait_for_decided_rounds(2));
  plain = false;
  EXPECT_TRUE(run.wait_for_finding("tls-absent", true));
  EXPECT_THAT(run.told(), ElementsAre("tls-absent", "over: tls-absent"));
  EXPECT_THAT(run.sink().findings().at(0).detail, HasSubstr("HTTP/1.1 400"));
}

TEST_F(TlsPath, TellsNothingAboutAServerThatDiesInTheMiddle) {
  const Face shown = good();
  TlsServer ends(
      shown.identity, [](ServerConnection&) {}, TlsServer::Newest::tls_1_3, shown.tune);
  TlsServer resets(
      shown.identity,
      [](ServerConnection& connection) {
        connection.read_plain(100);
        connection.reset();
      },
      TlsServer::Newest::tls_1_3, shown.tune);
  LookRun run(*probes::make_tls_path(), config({target(ends.port()), target(resets.port())}));
  EXPECT_TRUE(run.wait_for_undecided_rounds(3));
  EXPECT_THAT(run.told(), IsEmpty());
}

TEST_F(TlsPath, TellsNothingWithoutAnAnswer) {
  int closed_port = 0;
  {
    const Listener gone = listen_on_loopback(1);
    closed_port = gone.port;
  }
  const Listener silent = listen_on_loopback(100);
  LookRun run(*probes::make_tls_path(), config({target(closed_port), target(silent.port)}));
  EXPECT_TRUE(run.wait_for_undecided_rounds(1));
  EXPECT_THAT(run.told(), IsEmpty());
  const kinds::Round round = run.sink().rounds().at(0);
  EXPECT_EQ(round.checked, 2U);
  EXPECT_GE(round.end_ns - round.begin_ns, Nanoseconds(tls_look_deadline).count());
}

TEST_F(TlsPath, WhatWasFoundIsNotOverWhileNothingCanBeTold) {
  std::atomic<bool> dead = false;
  const Face bad = face(authority_, [](auto& request) { request.identity = "other.nospof.test"; });
  TlsServer server(
      bad.identity, [&](ServerConnection& connection) { dead ? void() : serve(connection); },
      TlsServer::Newest::tls_1_3, bad.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_finding("tls-wrong-identity"));
  dead = true;
  EXPECT_TRUE(run.wait_for_undecided_rounds(3));
  EXPECT_THAT(run.told(), ElementsAre("tls-wrong-identity"));
}

TEST_F(TlsPath, AnAuthorityThatIsReplacedIsTrustedFromThenOn) {
  const lab::CertificateAuthority other = lab::CertificateAuthority::make(
      "another CA", now_ - std::chrono::hours(1), now_ + std::chrono::hours(24), 1);
  const Face shown = good();
  TlsServer server(shown.identity, serve, TlsServer::Newest::tls_1_3, shown.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_decided_rounds(3));
  write_file(authority_file_, other.certificate());
  EXPECT_TRUE(run.wait_for_finding("tls-untrusted"));
  write_file(authority_file_, root_.certificate());
  EXPECT_TRUE(run.wait_for_finding("tls-untrusted", true));
  EXPECT_THAT(run.told(), ElementsAre("tls-untrusted", "over: tls-untrusted"));
}

TEST_F(TlsPath, AFileThatGoesAwayMeanwhileTellsNothing) {
  const Face shown = good();
  TlsServer server(shown.identity, serve, TlsServer::Newest::tls_1_3, shown.tune);
  LookRun run(*probes::make_tls_path(), config({target(server.port())}));
  EXPECT_TRUE(run.wait_for_decided_rounds(1));
  std::filesystem::remove(authority_file_);
  EXPECT_TRUE(run.wait_for_undecided_rounds(1));
  EXPECT_THAT(run.told(), IsEmpty());
}

TEST_F(TlsPath, CannotEvenBeMade) {
  const auto refusal = [this](const char* key, const std::string& value) -> std::string {
    auto one = target(443);
    one["certificate_file"] = own_certificate_;
    one["key_file"] = own_key_;
    one[key] = value;
    try {
      LookRun run(*probes::make_tls_path(), config({one}));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string missing = folder_ / "missing.pem";
  for (const char* key : {"authority_file", "certificate_file", "key_file"}) {
    EXPECT_THAT(refusal(key, missing), HasSubstr(missing));
    EXPECT_THAT(refusal(key, missing), HasSubstr("web-app: web1 -> 127.0.0.1:443"));
  }
  EXPECT_THAT(refusal("key_file", own_certificate_), HasSubstr("as the key of"));
  EXPECT_THAT(refusal("address", "198.18.0.1"), HasSubstr("only from inside a lab"));
  EXPECT_THAT(refusal("address", "app"), HasSubstr("no IP address"));
}

}  // namespace
}  // namespace nospof::test
