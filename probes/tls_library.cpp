#include "probes/tls_library.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

namespace nospof::probes {

namespace {

/// OpenSSL's own, from which everything is taken. Held for as long as the process lives.
OSSL_PROVIDER* default_provider() {
  static OSSL_PROVIDER* const provider = OSSL_PROVIDER_load(nullptr, "default");
  return provider;
}

using Algorithms = std::vector<OSSL_ALGORITHM>;

std::string_view first_name(const OSSL_ALGORITHM& algorithm) {
  const std::string_view names = algorithm.algorithm_names;
  return names.substr(0, names.find(':'));
}

bool reads_public_keys(const OSSL_ALGORITHM& decoder) {
  constexpr std::array<std::string_view, 5> types{"EC", "RSA", "RSA-PSS", "ED25519", "ED448"};
  const std::string_view properties = decoder.property_definition;
  return std::ranges::find(types, first_name(decoder)) != types.end() &&
         properties.find("input=der") != std::string_view::npos &&
         properties.find("structure=SubjectPublicKeyInfo") != std::string_view::npos;
}

/// In TLS, or under the random numbers.
bool is_of_tls(const OSSL_ALGORITHM& cipher) {
  constexpr std::array<std::string_view, 6> modes{"-GCM", "-CBC", "-CBC-HMAC-SHA1",
                                                  "-CTR", "-ECB", "-CBC-HMAC-SHA256"};
  const std::string_view name = first_name(cipher);
  if (name.starts_with("ChaCha20")) return true;
  return name.starts_with("AES-") &&
         std::ranges::any_of(modes, [&](std::string_view mode) { return name.ends_with(mode); });
}

/// The default provider's, with the empty one at the end that the interface wants.
template <typename Predicate>
Algorithms only(int operation, Predicate wanted) {
  Algorithms kept;
  int no_cache = 0;
  const OSSL_ALGORITHM* all =
      OSSL_PROVIDER_query_operation(default_provider(), operation, &no_cache);
  for (; all != nullptr && all->algorithm_names != nullptr; ++all)
    if (wanted(*all)) kept.push_back(*all);
  kept.push_back({});
  return kept;
}

const Algorithms& kept_decoders() {
  static const Algorithms kept = only(OSSL_OP_DECODER, reads_public_keys);
  return kept;
}

const Algorithms& kept_ciphers() {
  static const Algorithms kept = only(OSSL_OP_CIPHER, is_of_tls);
  return kept;
}

// The rest is a provider's interface (provider(7)), called by OpenSSL.

const OSSL_ALGORITHM* query(void* /*context*/, int operation, int* no_cache) {
  *no_cache = 0;
  if (operation == OSSL_OP_DECODER) return kept_decoders().data();
  if (operation == OSSL_OP_CIPHER) return kept_ciphers().data();
  return OSSL_PROVIDER_query_operation(default_provider(), operation, no_cache);
}

int capabilities(void* /*context*/, const char* capability, OSSL_CALLBACK* callback,
                 void* argument) {
  return OSSL_PROVIDER_get_capabilities(default_provider(), capability, callback, argument);
}

// The context is the default provider's, which it ends itself.
void tear_down(void* /*context*/) {}

template <typename Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

int begin(const OSSL_CORE_HANDLE* /*handle*/, const OSSL_DISPATCH* /*core*/,
          const OSSL_DISPATCH** ours, void** context) {
  static const std::array<OSSL_DISPATCH, 4> table{
      entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
      entry(OSSL_FUNC_PROVIDER_GET_CAPABILITIES, capabilities),
      entry(OSSL_FUNC_PROVIDER_TEARDOWN, tear_down), OSSL_DISPATCH{0, nullptr}};
  *ours = table.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(default_provider());
  return 1;
}

int count(OSSL_PROVIDER* /*provider*/, void* number) {
  ++*static_cast<int*>(number);
  return 1;
}

OSSL_LIB_CTX* make() {
  // Before anything else of OpenSSL: else every library context knows the names of all ciphers.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS, nullptr);
  // Asked before the default one is loaded by name, which would keep OpenSSL from doing so itself.
  if (OSSL_PROVIDER_available(nullptr, "default") != 1 ||
      EVP_default_properties_is_fips_enabled(nullptr) == 1)
    return nullptr;
  int providers = 0;
  OSSL_PROVIDER_do_all(nullptr, count, &providers);
  if (providers != 1 || default_provider() == nullptr || kept_decoders().size() <= 1 ||
      kept_ciphers().size() <= 1)
    return nullptr;
  OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
  if (library == nullptr) return nullptr;
  if (OSSL_PROVIDER_add_builtin(library, "nospof", begin) == 1 &&
      OSSL_PROVIDER_load(library, "nospof") != nullptr)
    return library;
  OSSL_LIB_CTX_free(library);
  return nullptr;
}

}  // namespace

ossl_lib_ctx_st* tls_library() {
  static OSSL_LIB_CTX* const library = make();
  return library;
}

}  // namespace nospof::probes
