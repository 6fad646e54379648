#include "system/tls_contexts.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "system/check.hpp"
#include "system/tls_client.hpp"
#include "system/tls_look.hpp"

namespace nospof {

namespace {

void load_files(SSL_CTX* context, const TlsLookAt& at) {
  if (!at.authority_file.empty() &&
      SSL_CTX_load_verify_locations(context, at.authority_file.c_str(), nullptr) != 1)
    throw Error(fmt::format("can't read the authority's certificate {}: {}", at.authority_file,
                            last_tls_error()));
  if (at.certificate_file.empty()) return;
  if (SSL_CTX_use_certificate_chain_file(context, at.certificate_file.c_str()) != 1)
    throw Error(fmt::format("can't read the own certificate {}: {}", at.certificate_file,
                            last_tls_error()));
  if (SSL_CTX_use_PrivateKey_file(context, at.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    throw Error(fmt::format("can't use {} as the key of {}: {}", at.key_file, at.certificate_file,
                            last_tls_error()));
}

// A server that lets the client choose is to get the strong ones first.
void offer_versions(SSL_CTX* context, TlsOffer offer) {
  if (offer == TlsOffer::usual) return;
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_cipher_list(context,
                          "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ALL:eNULL:"
                          "@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, offer == TlsOffer::up_to_1_1   ? TLS1_1_VERSION
                                         : offer == TlsOffer::up_to_1_2 ? TLS1_2_VERSION
                                                                        : TLS1_3_VERSION);
}

int note_request(SSL* ssl, void*) {
  static_cast<TlsShown*>(SSL_get_app_data(ssl))->certificate_wanted = true;
  return 1;
}

// `shown` of a look is with its connection, as its context is others', too.
int show_to_look(X509_STORE_CTX* chain, void*) {
  const void* ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
  return show_certificate(chain, SSL_get_app_data(static_cast<const SSL*>(ssl)));
}

std::shared_ptr<SSL_CTX> made(const TlsLookAt& at) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) throw Error("OpenSSL: " + last_tls_error());
  load_files(context.get(), at);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), show_to_look, nullptr);
  SSL_CTX_set_cert_cb(context.get(), note_request, nullptr);
  offer_versions(context.get(), at.offer);
  return context;
}

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

}  // namespace

TlsContexts::FileState TlsContexts::state_of(const std::string& path) {
  struct stat seen {};
  if (path.empty() || ::stat(path.c_str(), &seen) != 0) return {};
  return {static_cast<std::int64_t>(seen.st_dev), static_cast<std::int64_t>(seen.st_ino),
          seen.st_size, nanoseconds(seen.st_mtim), nanoseconds(seen.st_ctim)};
}

std::shared_ptr<ssl_ctx_st> TlsContexts::of(const TlsLookAt& at) {
  // Before they are read: what is written meanwhile is seen the next time.
  const std::array<FileState, 3> files{state_of(at.authority_file), state_of(at.certificate_file),
                                       state_of(at.key_file)};
  Kept& kept =
      kept_[{at.authority_file, at.certificate_file, at.key_file, static_cast<int>(at.offer)}];
  if (!kept.context || kept.files != files) {
    kept.context.reset();
    kept.context = made(at);
    kept.files = files;
  }
  return kept.context;
}

}  // namespace nospof
