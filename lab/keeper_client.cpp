#include "lab/keeper_client.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "lab/keeper_socket.hpp"
#include "system/check.hpp"

namespace nospof::lab {

namespace json = boost::json;

KeeperClient::KeeperClient(std::string lab, const Layout& layout) : lab_(std::move(lab)) {
  try {
    fd_ = connect_to(layout.keeper_socket());
  } catch (const SystemError& e) {
    throw Error(fmt::format(
        "lab {0}: its keeper can't be reached ({1}); 'nospof lab down {0}' removes what is left",
        lab_, e.what()));
  }
}

json::object KeeperClient::request(const std::string& op, json::object fields,
                                   std::chrono::milliseconds at_most, const OnEvent& on_event) {
  const std::lock_guard guard(mutex_);
  const std::int64_t id = next_id_++;
  fields["id"] = id;
  fields["op"] = op;
  if (send_message(fd_.get(), fields) != SendResult::sent)
    throw Error(fmt::format("lab {}: its keeper is gone", lab_));
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    std::optional<json::object> message;
    try {
      message = receive_message(fd_.get(), std::chrono::ceil<std::chrono::milliseconds>(
                                               end - std::chrono::steady_clock::now()));
    } catch (const SystemError& e) {
      throw Error(
          fmt::format("lab {}: its keeper does not answer to '{}' ({})", lab_, op, e.what()));
    }
    if (!message) throw Error(fmt::format("lab {}: its keeper is gone", lab_));
    if (message->contains("event")) {
      if (on_event) on_event(*message);
      continue;
    }
    // An answer to an earlier request that was given up.
    if (message->at("id") != json::value(id)) continue;
    if (!message->at("ok").as_bool())
      throw Error(fmt::format("lab {}: {}: {}", lab_, op,
                              std::string_view(message->at("error").as_string())));
    return std::move(*message);
  }
}

}  // namespace nospof::lab
