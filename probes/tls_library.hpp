#pragma once
// The OpenSSL library context of the probes' TLS: OpenSSL's default provider, without the decoders
// that no certificate needs and the ciphers that no probe offers.
//
// OpenSSL 3.0 tries out every decoder that there is for every public key that it reads: about
// seventy, for files of all kinds, where a certificate only ever holds a SubjectPublicKeyInfo in
// DER. That takes a fifth of a whole handshake. Here are only those for the keys that certificates
// of servers have (EC, RSA, RSA-PSS, Ed25519, Ed448). It also goes through the names of all
// algorithms that a context has, eight times in each handshake: most are names of ciphers, of which
// AES (GCM, CBC) and ChaCha20 are left. All algorithms are the default provider's own; nothing of
// how anything is verified is different.

struct ossl_lib_ctx_st;

namespace nospof::probes {

/// One for the whole process, in which OpenSSL's table of ciphers by their old names stays empty if
/// nothing needed it before: EVP_get_cipherbyname() finds none. nullptr, which is OpenSSL's
/// default, when the machine's configuration of OpenSSL asks for other providers (FIPS, for
/// instance), or it cannot be made.
ossl_lib_ctx_st* tls_library();

}  // namespace nospof::probes
