// Keys of Ed25519, held against the vectors of RFC 8032, section 7.1.

#include "evidence/keys.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/hex.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::evidence {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

struct Vector {
  const char* secret;
  const char* open;
  const char* message;
  const char* signature;
};
constexpr Vector rfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Keys, SignAsRfc8032Says) {
  for (const Vector& vector : rfc8032) {
    const std::string message = bytes_of_hex(vector.message);
    const PrivateKey key = PrivateKey::from_raw(bytes_of_hex(vector.secret));
    EXPECT_EQ(hex_of(key.sign(message)), vector.signature);
    const PublicKey open = PublicKey::from_raw(bytes_of_hex(vector.open));
    EXPECT_EQ(key.public_key().id(), open.id());
    EXPECT_TRUE(open.verifies(message, bytes_of_hex(vector.signature)));
  }
}

TEST(Keys, NoOtherSignatureVerifies) {
  for (const Vector& vector : rfc8032) {
    const std::string message = bytes_of_hex(vector.message);
    const std::string signature = bytes_of_hex(vector.signature);
    const PublicKey key = PublicKey::from_raw(bytes_of_hex(vector.open));
    for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
      std::string other = signature;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(key.verifies(message, other)) << "bit " << bit;
    }
    EXPECT_FALSE(key.verifies(message + "x", signature));
    EXPECT_FALSE(key.verifies(message, signature.substr(1)));
    EXPECT_FALSE(key.verifies(message, ""));
  }
}

TEST(Keys, AreNamedByTheSumOfTheirSubjectPublicKeyInfo) {
  // sha256 of 302a300506032b6570032100 (RFC 8410, section 4) and the 32 bytes.
  EXPECT_EQ(PublicKey::from_raw(bytes_of_hex(rfc8032[0].open)).id(),
            "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9");
}

TEST(Keys, GoIntoPemAndBack) {
  const PrivateKey key = PrivateKey::generate();
  EXPECT_THAT(key.pem(), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_THAT(key.public_key().pem(), StartsWith("-----BEGIN PUBLIC KEY-----\n"));
  const PrivateKey again = PrivateKey::from_pem(key.pem(), "a");
  EXPECT_EQ(again.sign("x"), key.sign("x"));
  EXPECT_TRUE(PublicKey::from_pem(key.public_key().pem(), "b").verifies("x", key.sign("x")));
  EXPECT_NE(PrivateKey::generate().public_key().id(), key.public_key().id());
}

TEST(Keys, WhatIsNoneIsRefusedByName) {
  const PrivateKey key = PrivateKey::generate();
  EXPECT_THAT([&] { PublicKey::from_pem(key.pem(), "k.pem"); },
              ThrowsMessage<Error>(HasSubstr("k.pem: this is a private key")));
  EXPECT_THAT([&] { PrivateKey::from_pem(key.public_key().pem(), "k.pem"); },
              ThrowsMessage<Error>(HasSubstr("k.pem: this is no private key")));
  EXPECT_THAT([&] { PublicKey::from_pem("", "k.pem"); },
              ThrowsMessage<Error>(HasSubstr("k.pem: this is no public key")));
  // Made with: openssl genpkey -algorithm X25519 | openssl pkey -pubout
  const std::string other =
      "-----BEGIN PUBLIC KEY-----\n"
      "MCowBQYDK2VuAyEA3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=\n"
      "-----END PUBLIC KEY-----\n";
  EXPECT_THAT([&] { PublicKey::from_pem(other, "k.pem"); },
              ThrowsMessage<Error>(HasSubstr("not of Ed25519")));
  EXPECT_THROW(PublicKey::from_raw("short"), Error);
  EXPECT_THROW(PrivateKey::from_raw("short"), Error);
}

TEST(Keys, AKeyWithAPassphraseIsRefusedWithoutAskingForIt) {
  const std::string locked =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDxTpC0hQjvLsE1cDJi\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_THAT([&] { PrivateKey::from_pem(locked, "k.pem"); },
              ThrowsMessage<Error>(HasSubstr("k.pem: the key has a passphrase")));
}

TEST(Keys, APairIsTwoFilesOfWhichOneIsSecret) {
  const test::TemporaryFolder folder;
  const KeyFiles files = write_key_pair(folder / "key");
  struct stat status {};
  ASSERT_EQ(::stat(files.private_path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const PrivateKey key = read_private_key(files.private_path);
  const PublicKey open = read_public_key(files.public_path);
  EXPECT_TRUE(open.verifies("text", key.sign("text")));
  EXPECT_EQ(open.id(), files.id);
}

TEST(Keys, AreNeverOverwritten) {
  for (const char* taken : {"key.pem", "key.pub.pem"}) {
    const test::TemporaryFolder folder;
    write_file(folder / taken, "precious");
    EXPECT_THAT([&] { write_key_pair(folder / "key"); },
                ThrowsMessage<Error>(HasSubstr(std::string(taken) + " exists already")));
    EXPECT_EQ(read_file(folder / taken), "precious");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  }
  // Nor is a link that leads nowhere yet.
  const test::TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "key.pem");
  EXPECT_THROW(write_key_pair(folder / "key"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST(Keys, AFileThatIsTooLargeIsNone) {
  const test::TemporaryFolder folder;
  write_file(folder / "key.pem", std::string(100'000, 'x'));
  EXPECT_THAT([&] { read_public_key(folder / "key.pem"); },
              ThrowsMessage<Error>(HasSubstr("more than 64 KiB")));
  EXPECT_THROW(read_private_key(folder / "none.pem"), SystemError);
}

}  // namespace
}  // namespace nospof::evidence
