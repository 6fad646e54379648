#include "evidence/dsse.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "system/check.hpp"

namespace nospof::evidence {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string())
    throw Error(fmt::format("the envelope's '{}' is missing or is no text", key));
  return std::string(value->get_string());
}

std::string bytes_at(const json::object& object, const char* key) {
  auto bytes = bytes_of_base64(text_at(object, key));
  if (!bytes) throw Error(fmt::format("the envelope's '{}' is no base64", key));
  return *std::move(bytes);
}

}  // namespace

std::string pae(std::string_view type, std::string_view body) {
  return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, body.size(), body);
}

Envelope seal(std::string payload_type, std::string payload, const PrivateKey* key) {
  Envelope envelope{std::move(payload_type), std::move(payload), {}};
  if (key != nullptr)
    envelope.signatures.push_back(
        {key->public_key().id(), key->sign(pae(envelope.payload_type, envelope.payload))});
  return envelope;
}

std::string envelope_text(const Envelope& envelope) {
  json::array signatures;
  for (const EnvelopeSignature& signature : envelope.signatures)
    signatures.push_back({{"keyid", signature.key_id}, {"sig", base64(signature.bytes)}});
  const json::object object{{"payload", base64(envelope.payload)},
                            {"payloadType", envelope.payload_type},
                            {"signatures", std::move(signatures)}};
  return json::serialize(object) + "\n";
}

Envelope parse_envelope(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) throw Error("the envelope is no JSON object");
  const json::object& object = value.get_object();
  Envelope envelope{text_at(object, "payloadType"), bytes_at(object, "payload"), {}};
  const json::value* signatures = object.if_contains("signatures");
  if (signatures == nullptr || !signatures->is_array())
    throw Error("the envelope's 'signatures' is missing or is no list");
  for (const json::value& entry : signatures->get_array()) {
    if (!entry.is_object()) throw Error("a signature of the envelope is no object");
    const json::object& signature = entry.get_object();
    envelope.signatures.push_back({text_at(signature, "keyid"), bytes_at(signature, "sig")});
  }
  if (envelope_text(envelope) != text)
    throw Error("the envelope is not written as nospof writes it: somebody touched it");
  return envelope;
}

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL ends it with a zero byte
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> bytes_of_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes(3 * (text.size() / 4), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  // It counts padding as bytes, passes over blanks at the ends, and does not look at unused bits.
  if (size < 0 || static_cast<std::size_t>(size) != bytes.size()) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(bytes.size() - padding);
  if (base64(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace nospof::evidence
