#include "probes/outcomes.hpp"

#include <cerrno>

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

namespace nospof::probes {
namespace {

using kinds::Outcome;

TEST(Outcomes, OfConnectErrors) {
  EXPECT_EQ(connect_failure(ECONNREFUSED), (Failure{Outcome::connect_refused, ECONNREFUSED}));
  EXPECT_EQ(connect_failure(ETIMEDOUT), (Failure{Outcome::connect_timeout, ETIMEDOUT}));
  EXPECT_EQ(connect_failure(ECONNRESET), (Failure{Outcome::reset, ECONNRESET}));
  for (const int unreachable : {EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EACCES})
    EXPECT_EQ(connect_failure(unreachable).outcome, Outcome::unreachable) << unreachable;
  for (const int local : {EMFILE, ENFILE, EADDRNOTAVAIL, ENOMEM, ENOBUFS, EPERM, EINVAL})
    EXPECT_EQ(connect_failure(local).outcome, Outcome::local_error) << local;
}

TEST(Outcomes, OfStreamErrors) {
  for (const int reset : {ECONNRESET, EPIPE, ECONNABORTED})
    EXPECT_EQ(stream_failure(reset).outcome, Outcome::reset) << reset;
  EXPECT_EQ(stream_failure(ETIMEDOUT), (Failure{Outcome::timeout, ETIMEDOUT}));
  EXPECT_EQ(stream_failure(EHOSTUNREACH).outcome, Outcome::unreachable);
  EXPECT_EQ(stream_failure(ENOMEM).outcome, Outcome::local_error);
}

TEST(Outcomes, OfVerification) {
  const auto outcome = [](long code) { return verify_failure(code).outcome; };
  EXPECT_EQ(outcome(X509_V_ERR_HOSTNAME_MISMATCH), Outcome::tls_wrong_identity);
  EXPECT_EQ(outcome(X509_V_ERR_IP_ADDRESS_MISMATCH), Outcome::tls_wrong_identity);
  EXPECT_EQ(outcome(X509_V_ERR_CERT_HAS_EXPIRED), Outcome::tls_expired);
  EXPECT_EQ(outcome(X509_V_ERR_CERT_NOT_YET_VALID), Outcome::tls_expired);
  EXPECT_EQ(outcome(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT), Outcome::tls_untrusted);
  EXPECT_EQ(outcome(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY), Outcome::tls_untrusted);
  EXPECT_EQ(outcome(X509_V_ERR_CERT_SIGNATURE_FAILURE), Outcome::tls_untrusted);
  EXPECT_EQ(verify_failure(X509_V_ERR_CERT_HAS_EXPIRED).detail, X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST(Outcomes, OfDeadlinesAndEarlyEnds) {
  EXPECT_EQ(deadline_failure(false), (Failure{Outcome::connect_timeout, 0}));
  EXPECT_EQ(deadline_failure(true), (Failure{Outcome::timeout, 0}));
  EXPECT_EQ(early_end_failure(true, true).outcome, Outcome::reset);
  EXPECT_EQ(early_end_failure(true, false).outcome, Outcome::reset);
  EXPECT_EQ(early_end_failure(false, false).outcome, Outcome::reset);
  EXPECT_EQ(early_end_failure(false, true).outcome, Outcome::tls_truncated);
}

TEST(Outcomes, HaveNamesThatReadBack) {
  for (std::size_t i = 0; i < kinds::outcome_count; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    EXPECT_EQ(kinds::outcome_from_name(kinds::outcome_name(outcome)), outcome);
  }
  EXPECT_EQ(kinds::outcome_from_name("fine"), std::nullopt);
}

}  // namespace
}  // namespace nospof::probes
