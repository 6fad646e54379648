#pragma once
// Certificates for the servers of tests.

#include <chrono>
#include <memory>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace nospof::test {

/// A certificate and its key.
struct Identity {
  std::shared_ptr<x509_st> certificate;
  std::shared_ptr<evp_pkey_st> key;
};

/// When a certificate is valid, from now on.
struct Validity {
  std::chrono::seconds from = std::chrono::hours(-1);
  std::chrono::seconds until = std::chrono::hours(1);
};

enum class KeyType { ec, rsa };

class Authority {
 public:
  Authority();
  /// `names` as in a subjectAltName extension: "DNS:www.test,IP:127.0.0.1".
  Identity issue(const std::string& names, Validity validity = {}, KeyType key = KeyType::ec) const;
  std::string pem() const;
  std::shared_ptr<x509_st> certificate() const { return self_.certificate; }

 private:
  Identity self_;
};

/// One that nobody but itself vouches for, and that is no authority.
Identity self_signed(const std::string& names);

}  // namespace nospof::test
