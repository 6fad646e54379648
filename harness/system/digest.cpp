#include "system/digest.hpp"

#include <array>

#include <openssl/evp.h>

#include "system/check.hpp"
#include "system/hex.hpp"

namespace nospof {

struct Digest::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free};
};

namespace {

void expect_one(int result) {
  if (result != 1) throw Error("OpenSSL cannot make a SHA-256 sum; is its default provider there?");
}

}  // namespace

Digest::Digest() : state_(std::make_unique<State>()) {
  expect_one(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}

Digest::~Digest() = default;

void Digest::add(std::string_view bytes) {
  expect_one(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned length = 0;
  expect_one(EVP_DigestFinal_ex(state_->context.get(), sum.data(), &length));
  return hex_of({reinterpret_cast<const char*>(sum.data()), length});
}

std::string sha256_of(std::string_view bytes) {
  Digest digest;
  digest.add(bytes);
  return digest.hex();
}

}  // namespace nospof
