#include "probes/tls_path_judge.hpp"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

const WallTime now{std::chrono::hours(500'000)};
const std::string right_key(64, 'a');

TlsPathTarget target() {
  TlsPathTarget made;
  made.identity = "app.nospof.test";
  made.expect_keys = {right_key};
  return made;
}

TlsShown good() {
  TlsShown shown;
  shown.certificate = true;
  shown.key = right_key;
  shown.subject = "app.nospof.test";
  shown.valid_from = now - 24h;
  shown.valid_until = now + 9 * 24h;
  shown.handshake = TlsHandshake::whole;
  shown.protocol = "TLSv1.3";
  shown.cipher = "TLS_AES_256_GCM_SHA384";
  return shown;
}

TlsShown ended(TlsHandshake handshake) {
  TlsShown shown;
  shown.handshake = handshake;
  shown.failure = "a reason";
  return shown;
}

/// By name; each finding is judged once at most.
std::map<std::string, bool> by_name(const std::vector<TlsJudgement>& judgements) {
  std::map<std::string, bool> found;
  for (const TlsJudgement& judgement : judgements) {
    const bool is_new = found.emplace(tls_finding_name(judgement.finding), judgement.so).second;
    EXPECT_TRUE(is_new);
    EXPECT_FALSE(judgement.detail.empty());
  }
  return found;
}

std::set<std::string> what_is_so(const TlsShown& shown, const TlsPathTarget& at = target()) {
  std::set<std::string> names;
  for (const auto& [name, so] : by_name(judge_handshake(at, shown, now)))
    if (so) names.insert(name);
  return names;
}
std::set<std::string> only(const std::string& name) {
  return {name};
}

TEST(TlsFindings, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < tls_finding_count; ++i)
    names.insert(tls_finding_name(static_cast<TlsFinding>(i)));
  EXPECT_EQ(names.size(), tls_finding_count);
  EXPECT_STREQ(tls_finding_name(TlsFinding::untrusted), "tls-untrusted");
  EXPECT_STREQ(tls_finding_name(TlsFinding::absent), "tls-absent");
  EXPECT_STREQ(tls_finding_name(TlsFinding::renegotiation), "tls-renegotiation");
  EXPECT_TRUE(is_violation(TlsFinding::other_key));
  EXPECT_FALSE(is_violation(TlsFinding::expires_soon));
  EXPECT_FALSE(is_violation(TlsFinding::truncated));
}

TEST(TlsHandshakeJudgement, AGoodServerEndsWhatWasFound) {
  const auto judged = by_name(judge_handshake(target(), good(), now));
  const std::map<std::string, bool> expected = {
      {"tls-absent", false},     {"tls-untrusted", false},    {"tls-wrong-identity", false},
      {"tls-expired", false},    {"tls-expires-soon", false}, {"tls-other-key", false},
      {"tls-weak-cipher", false}};
  EXPECT_EQ(judged, expected);
}

TEST(TlsHandshakeJudgement, EachProblemHasItsFinding) {
  const std::vector<std::pair<long, std::string>> cases = {
      {X509_V_ERR_HOSTNAME_MISMATCH, "tls-wrong-identity"},
      {X509_V_ERR_IP_ADDRESS_MISMATCH, "tls-wrong-identity"},
      {X509_V_ERR_CERT_HAS_EXPIRED, "tls-expired"},
      {X509_V_ERR_CERT_NOT_YET_VALID, "tls-expired"},
      {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "tls-untrusted"},
      {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "tls-untrusted"},
      {X509_V_ERR_CERT_SIGNATURE_FAILURE, "tls-untrusted"},
      {X509_V_ERR_EE_KEY_TOO_SMALL, "tls-untrusted"},
      {X509_V_ERR_INVALID_PURPOSE, "tls-untrusted"}};
  for (const auto& [problem, name] : cases) {
    TlsShown shown = good();
    shown.problems = {problem};
    EXPECT_EQ(what_is_so(shown), only(name)) << problem;
  }
}

TEST(TlsHandshakeJudgement, ValidityIsThatOfTheWholeChain) {
  TlsShown shown = good();
  shown.valid_until = now + 7 * 24h - 1ns;
  EXPECT_EQ(what_is_so(shown), only("tls-expires-soon"));
  shown.valid_until = now + 7 * 24h;
  EXPECT_THAT(what_is_so(shown), IsEmpty());
  // One that has expired does not expire soon.
  shown.valid_until = now - 1h;
  shown.problems = {X509_V_ERR_CERT_HAS_EXPIRED};
  EXPECT_EQ(what_is_so(shown), only("tls-expired"));
}

TEST(TlsHandshakeJudgement, KeysAreComparedOnlyWithExpectedOnes) {
  TlsShown shown = good();
  shown.key = std::string(64, 'b');
  EXPECT_EQ(what_is_so(shown), only("tls-other-key"));
  TlsPathTarget any = target();
  any.expect_keys.push_back(shown.key);
  EXPECT_THAT(what_is_so(shown, any), IsEmpty());
  any.expect_keys.clear();
  EXPECT_FALSE(by_name(judge_handshake(any, shown, now)).contains("tls-other-key"));
}

TEST(TlsHandshakeJudgement, ProtocolAndCipherHaveFloors) {
  TlsPathTarget strict = target();
  strict.min_protocol = "TLSv1.3";
  for (const char* protocol : {"SSLv3", "TLSv1", "TLSv1.1"}) {
    TlsShown shown = good();
    shown.protocol = protocol;
    EXPECT_EQ(what_is_so(shown), only("tls-weak-protocol")) << protocol;
  }
  TlsShown shown = good();
  shown.protocol = "TLSv1.2";
  EXPECT_THAT(what_is_so(shown), IsEmpty());
  EXPECT_EQ(what_is_so(shown, strict), only("tls-weak-protocol"));
  shown.weakness = "no forward secrecy";
  EXPECT_EQ(what_is_so(shown), only("tls-weak-cipher"));
}

TEST(TlsHandshakeJudgement, WhatIsNoTlsIsFoundAlone) {
  EXPECT_EQ(by_name(judge_handshake(target(), ended(TlsHandshake::no_tls), now)),
            (std::map<std::string, bool>{{"tls-absent", true}}));
}

TEST(TlsHandshakeJudgement, NothingIsToldByWhatToldNothing) {
  for (const auto handshake : {TlsHandshake::not_connected, TlsHandshake::no_answer,
                               TlsHandshake::cut, TlsHandshake::refused, TlsHandshake::broken})
    EXPECT_THAT(judge_handshake(target(), ended(handshake), now), IsEmpty());
}

TEST(TlsHandshakeJudgement, ACertificateTellsAlsoWhenTheHandshakeIsRefused) {
  TlsShown shown = good();
  shown.handshake = TlsHandshake::refused;
  shown.problems = {X509_V_ERR_CERT_HAS_EXPIRED};
  EXPECT_EQ(what_is_so(shown), only("tls-expired"));
  EXPECT_FALSE(by_name(judge_handshake(target(), shown, now)).contains("tls-weak-cipher"));
}

TEST(TlsHandshakeJudgement, TruncationNeedsAnAnswer) {
  TlsShown shown = good();
  shown.stream = TlsStream::truncated;
  EXPECT_THAT(what_is_so(shown), IsEmpty());
  shown.answer = "HTTP/1.1 200 OK";
  EXPECT_EQ(what_is_so(shown), only("tls-truncated"));
  shown.stream = TlsStream::orderly;
  EXPECT_FALSE(by_name(judge_handshake(target(), shown, now)).at("tls-truncated"));
  shown.stream = TlsStream::open;
  EXPECT_FALSE(by_name(judge_handshake(target(), shown, now)).contains("tls-truncated"));
}

/// What a look without a certificate proves: "demanded", "not demanded" or "undecided".
std::string demanded(const TlsShown& shown, bool ask_http = true) {
  TlsPathTarget at = target();
  at.ask_http = ask_http;
  const auto judgements = judge_without_certificate(at, shown);
  if (judgements.empty()) return "undecided";
  EXPECT_EQ(judgements.size(), 1U);
  EXPECT_EQ(judgements[0].finding, TlsFinding::no_client_certificate_demanded);
  return judgements[0].so ? "not demanded" : "demanded";
}

TEST(WithoutCertificate, ARefusedHandshakeDemandsOne) {
  EXPECT_EQ(demanded(ended(TlsHandshake::refused)), "demanded");
  TlsShown cut = ended(TlsHandshake::cut);
  EXPECT_EQ(demanded(cut), "undecided");
  cut.certificate_wanted = true;
  EXPECT_EQ(demanded(cut), "demanded");
  for (const auto handshake : {TlsHandshake::not_connected, TlsHandshake::no_answer,
                               TlsHandshake::no_tls, TlsHandshake::broken})
    EXPECT_EQ(demanded(ended(handshake)), "undecided");
}

TEST(WithoutCertificate, AServerThatDoesNotAskIsContent) {
  EXPECT_EQ(demanded(good()), "not demanded");
  EXPECT_EQ(demanded(good(), false), "not demanded");
}

TEST(WithoutCertificate, WhatFollowsTheHandshakeDecides) {
  TlsShown shown = good();
  shown.certificate_wanted = true;
  EXPECT_EQ(demanded(shown), "undecided");
  EXPECT_EQ(demanded(shown, false), "demanded");
  for (const auto stream : {TlsStream::orderly, TlsStream::truncated, TlsStream::alert}) {
    shown.stream = stream;
    EXPECT_EQ(demanded(shown), "demanded");
  }
  shown.answer = "HTTP/1.1 200 OK\r\n\r\n";
  EXPECT_EQ(demanded(shown), "not demanded");
  shown.stream = TlsStream::open;
  EXPECT_EQ(demanded(shown), "not demanded");
  shown.answer = "HTTP/1.1 403 Forbidden\r\n\r\n";
  EXPECT_EQ(demanded(shown), "demanded");
}

TEST(WithoutCertificate, OnlySomeAnswersRefuseForIt) {
  for (const char* refusal : {"HTTP/1.1 401 X", "HTTP/1.0 403 X", "HTTP/1.1 495 X",
                              "HTTP/1.1 496 X", "HTTP/1.1 400 X\r\n\r\nNo SSL certificate"})
    EXPECT_TRUE(refuses_for_certificate(refusal)) << refusal;
  for (const char* other : {"HTTP/1.1 200 OK", "HTTP/1.1 404 X", "HTTP/1.1 503 X", "HTTP/1.1 400 X",
                            "HTTP/1.1 40", "403 Forbidden", "", "ERR no certificate"})
    EXPECT_FALSE(refuses_for_certificate(other)) << other;
}

TEST(WeakOffer, MustBeRefused) {
  const auto judged = [](const TlsShown& shown) {
    return by_name(judge_weak_offer(target(), shown));
  };
  const std::map<std::string, bool> is_taken{{"tls-weak-protocol", true}};
  const std::map<std::string, bool> is_refused{{"tls-weak-protocol", false}};
  TlsShown taken = good();
  taken.protocol = "TLSv1.1";
  EXPECT_EQ(judged(taken), is_taken);
  // It agreed on the protocol, and only wanted to see a certificate.
  TlsShown agreed = ended(TlsHandshake::refused);
  agreed.certificate = true;
  EXPECT_EQ(judged(agreed), is_taken);
  EXPECT_EQ(judged(ended(TlsHandshake::refused)), is_refused);
  EXPECT_EQ(judged(ended(TlsHandshake::cut)), is_refused);
  for (const auto handshake : {TlsHandshake::not_connected, TlsHandshake::no_answer,
                               TlsHandshake::no_tls, TlsHandshake::broken})
    EXPECT_THAT(judged(ended(handshake)), IsEmpty());
}

TEST(Renegotiation, MustBeRefused) {
  const auto judged = [](const TlsShown& shown) { return by_name(judge_renegotiation(shown)); };
  const std::map<std::string, bool> is_refused{{"tls-renegotiation", false}};
  TlsShown shown = good();
  EXPECT_EQ(judged(shown), is_refused);
  shown.renegotiated = true;
  EXPECT_EQ(judged(shown), (std::map<std::string, bool>{{"tls-renegotiation", true}}));
  shown.renegotiated = false;
  shown.late = true;
  EXPECT_THAT(judged(shown), IsEmpty());
  // A server of TLS 1.3 only.
  EXPECT_EQ(judged(ended(TlsHandshake::refused)), is_refused);
  for (const auto handshake : {TlsHandshake::not_connected, TlsHandshake::no_answer,
                               TlsHandshake::cut, TlsHandshake::no_tls, TlsHandshake::broken})
    EXPECT_THAT(judged(ended(handshake)), IsEmpty());
}

}  // namespace
}  // namespace nospof::probes
