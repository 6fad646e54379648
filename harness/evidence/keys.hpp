#pragma once
// Ed25519 keys (RFC 8032) as PEM files: private ones PKCS #8 (RFC 8410), public ones
// SubjectPublicKeyInfo (RFC 5280), both as `openssl genpkey` and `openssl pkey` write them.

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace nospof::evidence {

using KeyHandle = std::shared_ptr<evp_pkey_st>;

/// 32 bytes of a public key, and what they vouch for.
class PublicKey {
 public:
  /// Throws Error naming `source` unless the text is one PEM block with an Ed25519 public key.
  static PublicKey from_pem(std::string_view text, const std::string& source);
  /// 32 bytes, as in RFC 8032; throws Error.
  static PublicKey from_raw(std::string_view bytes);
  explicit PublicKey(KeyHandle key) : key_(std::move(key)) {}

  bool verifies(std::string_view message, std::string_view signature) const;
  /// SHA-256 of the SubjectPublicKeyInfo (DER): 64 hexadecimal digits.
  std::string id() const;
  std::string pem() const;

 private:
  KeyHandle key_;
};

class PrivateKey {
 public:
  static PrivateKey generate();
  /// Throws Error naming `source`, also for a key with a passphrase: nobody is asked for one.
  static PrivateKey from_pem(std::string_view text, const std::string& source);
  /// The 32 secret bytes, as in RFC 8032; throws Error.
  static PrivateKey from_raw(std::string_view bytes);

  /// 64 bytes; the same ones for the same message.
  std::string sign(std::string_view message) const;
  PublicKey public_key() const { return PublicKey(key_); }
  std::string pem() const;

 private:
  explicit PrivateKey(KeyHandle key) : key_(std::move(key)) {}
  KeyHandle key_;
};

/// Throw SystemError or Error naming the path. A file of more than 64 KiB is no key.
PublicKey read_public_key(const std::string& path);
PrivateKey read_private_key(const std::string& path);

/// The two files of a new pair.
struct KeyFiles {
  std::string private_path;  ///< PREFIX.pem, mode 0600
  std::string public_path;   ///< PREFIX.pub.pem, mode 0644
  std::string id;
};
/// Throws Error, and writes neither, when one of them exists already; SystemError when one cannot
/// be written.
KeyFiles write_key_pair(const std::string& prefix);

}  // namespace nospof::evidence
