#include "probes/ledger_answers.hpp"

#include <boost/json.hpp>

namespace nospof::probes {

namespace {

namespace json = boost::json;

std::optional<json::object> good_object(const HttpReply& reply, int expect_status) {
  if (!reply.whole() || reply.status != expect_status) return std::nullopt;
  boost::system::error_code error;
  json::value value = json::parse(reply.body, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

}  // namespace

WriteAnswer write_answer(const HttpReply& reply, int expect_status) {
  if (!reply.request_left) return {Written::no, {}};
  const auto object = good_object(reply, expect_status);
  const json::value* value = object ? object->if_contains("v") : nullptr;
  if (value == nullptr || !value->is_string()) return {};
  return {Written::yes, std::string(value->as_string())};
}

std::optional<std::map<std::string, std::string, std::less<>>> stored_values(const HttpReply& reply,
                                                                             int expect_status) {
  const auto object = good_object(reply, expect_status);
  if (!object) return std::nullopt;
  std::map<std::string, std::string, std::less<>> values;
  for (const auto& [id, token] : *object) {
    if (!token.is_string()) return std::nullopt;
    values.insert_or_assign(std::string(id), std::string(token.as_string()));
  }
  return values;
}

}  // namespace nospof::probes
