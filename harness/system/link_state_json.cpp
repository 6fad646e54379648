// A link's state as JSON: messages in hexadecimal digits.

#include <boost/json.hpp>
#include <fmt/format.h>

#include "system/check.hpp"
#include "system/hex.hpp"
#include "system/link_state.hpp"

namespace nospof {

namespace json = boost::json;

namespace {

json::array messages_json(const std::vector<NetlinkMessage>& messages) {
  json::array list;
  for (const NetlinkMessage& message : messages)
    list.push_back(json::object{{"type", message.type}, {"payload", hex_of(message.payload)}});
  return list;
}

std::vector<NetlinkMessage> messages_from(const json::value& value) {
  std::vector<NetlinkMessage> messages;
  for (const json::value& each : value.as_array())
    messages.push_back(
        {each.at("type").to_number<std::uint16_t>(), bytes_of_hex(each.at("payload").as_string())});
  return messages;
}

}  // namespace

json::object to_json(const LinkState& state) {
  return {{"index", state.index},
          {"name", state.name},
          {"up", state.up},
          {"running", state.running},
          {"addresses", messages_json(state.addresses)},
          {"neighbours", messages_json(state.neighbours)},
          {"routes", messages_json(state.routes)}};
}

LinkState link_state_from_json(const json::object& object) {
  try {
    LinkState state;
    state.index = object.at("index").to_number<int>();
    state.name = std::string(object.at("name").as_string());
    state.up = object.at("up").as_bool();
    state.running = object.at("running").as_bool();
    state.addresses = messages_from(object.at("addresses"));
    state.neighbours = messages_from(object.at("neighbours"));
    state.routes = messages_from(object.at("routes"));
    return state;
  } catch (const std::exception& e) {
    throw Error(fmt::format("the state of a link can't be read: {}", e.what()));
  }
}

}  // namespace nospof
