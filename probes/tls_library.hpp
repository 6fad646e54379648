#pragma once
// The OpenSSL library context of the probes' TLS: OpenSSL's default provider, without the decoders
// that no certificate needs.
//
// OpenSSL 3.0 tries out every decoder that there is for every public key that it reads: about
// seventy, for files of all kinds, where a certificate only ever holds a SubjectPublicKeyInfo in
// DER. That takes a fifth of a whole handshake. Here are only those for the keys that certificates
// of servers have (EC, RSA, RSA-PSS, Ed25519, Ed448). All algorithms are the default provider's
// own; nothing of how anything is verified is different.

struct ossl_lib_ctx_st;

namespace nospof::probes {

/// One for the whole process. nullptr, which is OpenSSL's default, when the machine's
/// configuration of OpenSSL asks for other providers (FIPS, for instance), or it cannot be made.
ossl_lib_ctx_st* tls_library();

}  // namespace nospof::probes
