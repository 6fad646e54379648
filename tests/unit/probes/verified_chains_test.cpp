#include "probes/verified_chains.hpp"

#include <initializer_list>
#include <memory>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;

constexpr VerifiedChains::Digest one{1};
constexpr VerifiedChains::Digest other{2};
const MonoTime start{1h};
const WallTime today{20'000 * 24h};
const PathValidity this_week{today - 72h, today + 96h};

TEST(VerifiedChains, KnowOnlyWhatWasAdded) {
  VerifiedChains chains(1min);
  EXPECT_FALSE(chains.find(one, start, today));
  chains.add(one, this_week, start);
  const auto found = chains.find(one, start, today);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->from, this_week.from);
  EXPECT_EQ(found->until, this_week.until);
  EXPECT_FALSE(chains.find(other, start, today));
}

TEST(VerifiedChains, AreForgottenAfterTheirTime) {
  VerifiedChains chains(1min);
  chains.add(one, this_week, start);
  EXPECT_TRUE(chains.find(one, start + 1min - 1ns, today));
  EXPECT_FALSE(chains.find(one, start + 1min, today));
  // For good: only another verification brings it back.
  EXPECT_FALSE(chains.find(one, start, today));
  chains.add(one, this_week, start + 1min);
  EXPECT_TRUE(chains.find(one, start + 1min, today));
}

TEST(VerifiedChains, UsingOneDoesNotMakeItLastLonger) {
  VerifiedChains chains(1min);
  chains.add(one, this_week, start);
  for (auto passed = 0s; passed < 60s; passed += 10s)
    EXPECT_TRUE(chains.find(one, start + passed, today));
  EXPECT_FALSE(chains.find(one, start + 1min, today));
}

TEST(VerifiedChains, DoNotOutliveTheirCertificates) {
  VerifiedChains chains(1h);
  chains.add(one, this_week, start);
  EXPECT_TRUE(chains.find(one, start, this_week.until - 1ns));
  EXPECT_FALSE(chains.find(one, start, this_week.until));
  // Nor does it come back when the clock is set back.
  EXPECT_FALSE(chains.find(one, start, today));
}

TEST(VerifiedChains, DoNotCountBeforeTheirCertificatesAreValid) {
  VerifiedChains chains(1h);
  chains.add(one, this_week, start);
  EXPECT_TRUE(chains.find(one, start, this_week.from));
  EXPECT_FALSE(chains.find(one, start, this_week.from - 1ns));
}

TEST(VerifiedChains, AreBounded) {
  VerifiedChains chains(1h);
  for (std::size_t i = 0; i <= VerifiedChains::most_entries; ++i)
    chains.add({7, static_cast<unsigned char>(i)}, this_week, start);
  EXPECT_FALSE(chains.find({7, 0}, start, today));
  EXPECT_TRUE(chains.find({7, VerifiedChains::most_entries}, start, today));
}

using Certificate = std::shared_ptr<X509>;

Certificate certificate(int serial, std::chrono::seconds from, std::chrono::seconds until) {
  static const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
  Certificate made(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
  ASN1_TIME_set(X509_getm_notBefore(made.get()), from.count());
  ASN1_TIME_set(X509_getm_notAfter(made.get()), until.count());
  X509_set_pubkey(made.get(), key.get());
  EXPECT_GT(X509_sign(made.get(), key.get(), EVP_sha256()), 0);
  return made;
}

std::shared_ptr<stack_st_X509> chain_of(std::initializer_list<Certificate> certificates) {
  std::shared_ptr<stack_st_X509> chain(
      sk_X509_new_null(), [](stack_st_X509* made) { sk_X509_pop_free(made, X509_free); });
  for (const Certificate& each : certificates) {
    X509_up_ref(each.get());
    sk_X509_push(chain.get(), each.get());
  }
  return chain;
}

TEST(PathValidities, AreWhatAllCertificatesHaveInCommon) {
  const auto path = chain_of(
      {certificate(1, 1000s, 9000s), certificate(2, 3000s, 10'000s), certificate(3, 2000s, 8000s)});
  const auto validity = path_validity(path.get());
  ASSERT_TRUE(validity);
  EXPECT_EQ(validity->from, WallTime(3000s));
  EXPECT_EQ(validity->until, WallTime(8000s));
  EXPECT_FALSE(path_validity(chain_of({}).get()));
  EXPECT_FALSE(path_validity(nullptr));
}

TEST(PathValidities, ReachAsFarAsTheClock) {
  // "no well-defined expiration" (RFC 5280 4.1.2.5), which nanoseconds cannot tell.
  const auto path = chain_of({certificate(1, 1000s, 253'402'300'799s)});
  const auto validity = path_validity(path.get());
  ASSERT_TRUE(validity);
  EXPECT_EQ(validity->until, WallTime::max());
  EXPECT_TRUE(validity->at(today));
}

TEST(ChainDigests, DifferByAllThatDecides) {
  ChainDigest digest;
  const VerifiedChains::Digest trust{1};
  const Certificate server = certificate(1, 1000s, 9000s);
  const Certificate middle = certificate(2, 1000s, 9000s);
  const auto sent = chain_of({server, middle});
  const auto usual = digest.of_chain(trust, "www.test", sent.get());
  ASSERT_TRUE(usual);
  EXPECT_EQ(digest.of_chain(trust, "www.test", sent.get()), usual);
  EXPECT_NE(digest.of_chain({2}, "www.test", sent.get()), usual) << "another trust";
  EXPECT_NE(digest.of_chain(trust, "api.test", sent.get()), usual) << "another identity";
  for (const auto& otherwise :
       {chain_of({server}), chain_of({middle, server}), chain_of({server, middle, middle}),
        chain_of({server, certificate(3, 1000s, 9000s)}),
        chain_of({server, certificate(2, 1000s, 9001s)})})
    EXPECT_NE(digest.of_chain(trust, "www.test", otherwise.get()), usual);
  EXPECT_FALSE(digest.of_chain(trust, "www.test", chain_of({}).get()));
  EXPECT_FALSE(digest.of_chain(trust, "www.test", nullptr));
}

TEST(ChainDigests, OfTrustDifferByWhoIsTrusted) {
  ChainDigest digest;
  const auto of = [&](std::initializer_list<Certificate> trusted) {
    const std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
    for (const Certificate& each : trusted) X509_STORE_add_cert(store.get(), each.get());
    return digest.of_trust(store.get());
  };
  const Certificate first = certificate(1, 1000s, 9000s);
  const Certificate second = certificate(2, 1000s, 9000s);
  ASSERT_TRUE(of({first}));
  EXPECT_EQ(of({first}), of({first}));
  EXPECT_NE(of({first}), of({second}));
  EXPECT_NE(of({first}), of({first, second}));
  EXPECT_NE(of({first}), of({}));
}

}  // namespace
}  // namespace nospof::probes
