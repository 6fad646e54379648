#include "spec/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "system/check.hpp"

namespace nospof::spec {

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free};
};

namespace {

void expect_one(int result) {
  if (result != 1) throw Error("OpenSSL cannot make a SHA-256 sum; is its default provider there?");
}

}  // namespace

Sha256::Sha256() : state_(std::make_unique<State>()) {
  expect_one(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view name, std::string_view text) {
  const std::string head = fmt::format("{} {}\n", name, text.size());
  expect_one(EVP_DigestUpdate(state_->context.get(), head.data(), head.size()));
  expect_one(EVP_DigestUpdate(state_->context.get(), text.data(), text.size()));
}

std::string Sha256::hex() {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  expect_one(EVP_DigestFinal_ex(state_->context.get(), sum, &length));
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", sum[i]);
  return text;
}

}  // namespace nospof::spec
