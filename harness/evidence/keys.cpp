#include "evidence/keys.hpp"

#include <array>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/digest.hpp"
#include "system/fd.hpp"

namespace nospof::evidence {

namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t signature_size = 64;
constexpr std::size_t most_of_a_key_file = 65536;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

KeyHandle owned(EVP_PKEY* key) {
  return KeyHandle(key, EVP_PKEY_free);
}

void require(bool done, const char* what) {
  if (done) return;
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  ERR_clear_error();
  throw Error(fmt::format("OpenSSL cannot {}: {}", what, reason.data()));
}

BioPtr memory(std::string_view text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  require(bio != nullptr, "read from memory");
  return bio;
}

template <typename Write>
std::string written(Write write, const char* what) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && write(bio.get()) == 1, what);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// OpenSSL's own would ask on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

void require_ed25519(const KeyHandle& key, const std::string& source) {
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    throw Error(fmt::format(
        "{}: this is a key, but not of Ed25519; make a pair with `nospof keygen --out PREFIX`",
        source));
}

std::string read_key_file(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY);
  std::string text(most_of_a_key_file + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (check("read " + path, got) == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > most_of_a_key_file)
    throw Error(fmt::format("{}: this is no key: it has more than 64 KiB", path));
  text.resize(size);
  return text;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

PublicKey PublicKey::from_pem(std::string_view text, const std::string& source) {
  if (text.find("PRIVATE KEY-----") != std::string_view::npos)
    throw Error(fmt::format(
        "{}: this is a private key; whoever verifies needs the public one only (PREFIX.pub.pem)",
        source));
  const KeyHandle key =
      owned(PEM_read_bio_PUBKEY(memory(text).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) throw Error(fmt::format("{}: this is no public key in PEM", source));
  require_ed25519(key, source);
  return PublicKey(key);
}

PublicKey PublicKey::from_raw(std::string_view bytes) {
  if (bytes.size() != key_size) throw Error("a public key of Ed25519 has 32 bytes");
  KeyHandle key =
      owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), bytes.size()));
  require(key != nullptr, "take a public key");
  return PublicKey(std::move(key));
}

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
  if (signature.size() != signature_size) return false;
  const ContextPtr context(EVP_MD_CTX_new());
  require(context != nullptr &&
              EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1,
          "verify with Ed25519");
  const int result = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                      bytes_of(message), message.size());
  ERR_clear_error();
  return result == 1;
}

std::string PublicKey::id() const {
  return sha256_of(
      written([&](BIO* bio) { return i2d_PUBKEY_bio(bio, key_.get()); }, "write a public key"));
}

std::string PublicKey::pem() const {
  return written([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key_.get()); },
                 "write a public key");
}

PrivateKey PrivateKey::generate() {
  KeyHandle key = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  require(key != nullptr, "make an Ed25519 key");
  return PrivateKey(std::move(key));
}

PrivateKey PrivateKey::from_pem(std::string_view text, const std::string& source) {
  const KeyHandle key =
      owned(PEM_read_bio_PrivateKey(memory(text).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key && text.find("ENCRYPTED") != std::string_view::npos)
    throw Error(
        fmt::format("{}: the key has a passphrase, and nobody can be asked for it; write it anew "
                    "with `openssl pkey -in FILE -out FILE2`",
                    source));
  if (!key) throw Error(fmt::format("{}: this is no private key in PEM", source));
  require_ed25519(key, source);
  return PrivateKey(key);
}

PrivateKey PrivateKey::from_raw(std::string_view bytes) {
  if (bytes.size() != key_size) throw Error("a private key of Ed25519 has 32 bytes");
  KeyHandle key =
      owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), bytes.size()));
  require(key != nullptr, "take a private key");
  return PrivateKey(std::move(key));
}

std::string PrivateKey::sign(std::string_view message) const {
  const ContextPtr context(EVP_MD_CTX_new());
  require(context != nullptr &&
              EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1,
          "sign with Ed25519");
  std::string signature(signature_size, '\0');
  std::size_t size = signature.size();
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                         bytes_of(message), message.size()) == 1 &&
              size == signature_size,
          "sign with Ed25519");
  return signature;
}

std::string PrivateKey::pem() const {
  return written(
      [&](BIO* bio) {
        return PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr,
                                             nullptr);
      },
      "write a private key");
}

PublicKey read_public_key(const std::string& path) {
  return PublicKey::from_pem(read_key_file(path), path);
}

PrivateKey read_private_key(const std::string& path) {
  return PrivateKey::from_pem(read_key_file(path), path);
}

KeyFiles write_key_pair(const std::string& prefix) {
  KeyFiles files{prefix + ".pem", prefix + ".pub.pem", {}};
  for (const std::string& path : {files.private_path, files.public_path}) {
    std::error_code none;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, none)))
      throw Error(fmt::format(
          "{} exists already, and a key is never overwritten: what it signed could not be "
          "signed again; choose another --out",
          path));
  }
  const PrivateKey key = PrivateKey::generate();
  files.id = key.public_key().id();
  // O_EXCL: not through a link either, and not over what appeared meanwhile.
  const int flags = O_WRONLY | O_CREAT | O_EXCL;
  write_all(open_file(files.private_path, flags, 0600).get(), key.pem(), files.private_path);
  try {
    write_all(open_file(files.public_path, flags, 0644).get(), key.public_key().pem(),
              files.public_path);
  } catch (const SystemError&) {
    ::unlink(files.private_path.c_str());
    throw;
  }
  return files;
}

}  // namespace nospof::evidence
