// Envelopes, held against the examples of the DSSE specification (protocol.md, "Test Vectors").

#include "evidence/dsse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::evidence {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Dsse, SignsWhatTheSpecificationSays) {
  EXPECT_EQ(pae("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(pae("", ""), "DSSEv1 0  0 ");
  // Lengths are those of bytes: this is one character of two.
  EXPECT_EQ(pae("t", "\xC3\xA4"), "DSSEv1 1 t 2 \xC3\xA4");
  EXPECT_EQ(pae("t", std::string("\0 1", 3)), std::string("DSSEv1 1 t 3 \0 1", 16));
}

TEST(Dsse, IsWrittenAsTheSpecificationSays) {
  const Envelope envelope{"http://example.com/HelloWorld", "hello world", {{"me", "abc"}}};
  EXPECT_EQ(envelope_text(envelope),
            R"({"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld",)"
            R"("signatures":[{"keyid":"me","sig":"YWJj"}]})"
            "\n");
}

TEST(Dsse, Base64IsThatOfRfc4648) {
  for (const auto& [bytes, text] :
       {std::pair{"", ""}, std::pair{"f", "Zg=="}, std::pair{"fo", "Zm8="},
        std::pair{"foo", "Zm9v"}, std::pair{"foob", "Zm9vYg=="}, std::pair{"fooba", "Zm9vYmE="},
        std::pair{"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(bytes_of_base64(text), bytes);
  }
  for (const char* wrong : {"Zg", "Zg=", "Zh==", "Zm9", "Zm9v ", " Zm9v", "Zm9v\n", "Zm9*",
                            "====", "Zg==Zg==", "Z===", "Zm-_"})
    EXPECT_EQ(bytes_of_base64(wrong), std::nullopt) << wrong;
}

TEST(Dsse, AnEnvelopeIsReadBackWhole) {
  const PrivateKey key = PrivateKey::generate();
  const Envelope envelope = seal("a/b", std::string("\0\xFF{}", 4), &key);
  const Envelope again = parse_envelope(envelope_text(envelope));
  EXPECT_EQ(again.payload_type, "a/b");
  EXPECT_EQ(again.payload, envelope.payload);
  ASSERT_EQ(again.signatures.size(), 1U);
  EXPECT_EQ(again.signatures[0].key_id, key.public_key().id());
  EXPECT_TRUE(key.public_key().verifies(pae("a/b", envelope.payload), again.signatures[0].bytes));
  EXPECT_TRUE(parse_envelope(envelope_text(seal("a/b", "x", nullptr))).signatures.empty());
}

TEST(Dsse, TheSameInAnotherFormIsRefused) {
  const std::string good = envelope_text({"t", "hello", {{"k", "sig"}}});
  EXPECT_NO_THROW(parse_envelope(good));
  for (const std::string& other :
       {good + "\n", " " + good, good.substr(0, good.size() - 1),
        std::string(R"({"payloadType":"t","payload":"aGVsbG8=","signatures":[]})") + "\n",
        std::string(R"({"payload":"aGVsbG8=","payloadType":"t","signatures":[],"x":1})") + "\n",
        std::string(
            R"({"payload":"AAAA","payload":"aGVsbG8=","payloadType":"t","signatures":[]})") +
            "\n"})
    EXPECT_THAT([&] { parse_envelope(other); }, ThrowsMessage<Error>(HasSubstr("touched")))
        << other;
}

TEST(Dsse, WhatIsNoEnvelopeIsRefusedWithTheReason) {
  const auto refuses = [](const std::string& text, const char* reason) {
    EXPECT_THAT([&] { parse_envelope(text); }, ThrowsMessage<Error>(HasSubstr(reason))) << text;
  };
  refuses("", "no JSON object");
  refuses("[]", "no JSON object");
  refuses("{}", "'payloadType'");
  refuses(R"({"payloadType":1})", "'payloadType'");
  refuses(R"({"payloadType":"t","payload":"!"})", "'payload' is no base64");
  refuses(R"({"payloadType":"t","payload":""})", "'signatures'");
  refuses(R"({"payloadType":"t","payload":"","signatures":[1]})", "a signature");
  refuses(R"({"payloadType":"t","payload":"","signatures":[{"sig":""}]})", "'keyid'");
  refuses(std::string(100'000, '['), "no JSON object");
}

}  // namespace
}  // namespace nospof::evidence
