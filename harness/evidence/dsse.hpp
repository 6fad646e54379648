#pragma once
// DSSE envelopes (https://github.com/secure-systems-lab/dsse, protocol 1.0.0, envelope 0.1.0).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/keys.hpp"

namespace nospof::evidence {

inline constexpr const char* statement_type = "application/vnd.in-toto+json";

/// What is signed: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body.
std::string pae(std::string_view type, std::string_view body);

struct EnvelopeSignature {
  std::string key_id;
  std::string bytes;
};

struct Envelope {
  std::string payload_type;
  std::string payload;
  std::vector<EnvelopeSignature> signatures;
};

/// Signed by `key`, or by nobody when it is nullptr.
Envelope seal(std::string payload_type, std::string payload, const PrivateKey* key);

/// One line of JSON with a line end: payload, payloadType, signatures; base64 of RFC 4648 section 4
/// with padding.
std::string envelope_text(const Envelope& envelope);

/// Accepts only what envelope_text() gives, byte for byte: what says the same in another form was
/// touched by somebody. Throws Error that says what is wrong.
Envelope parse_envelope(std::string_view text);

std::string base64(std::string_view bytes);
/// Nothing unless it is just what base64() gives.
std::optional<std::string> bytes_of_base64(std::string_view text);

}  // namespace nospof::evidence
