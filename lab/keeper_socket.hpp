#pragma once
// The keeper's Unix socket: JSON objects, one a packet (SOCK_SEQPACKET).
//
//   op         request                       answer {"id":n,"ok":true,...} or
//   {"id":n,"ok":false,"error":..} boot       {}                            {"seconds":s}; before
//   it an event per host that is up status     {} {"hosts":[{"name","on","pid","detail"}]}
//   power_off  {"host":..,"at_most_ns":n}    {}   when all of it is gone; it boots again when the
//   time is
//                                                 over or the connection is closed, whichever is
//                                                 first
//   power_on   {"host":..}                   {}   when its supervisor runs and its link is up
//   release    {}                            {}   from now on the lab outlives the one who made it
//   down       {}                            {}   when everything is removed; the keeper then exits
//
// Event: {"event":"host-on","host":..,"seconds":s}.

#include <chrono>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "system/fd.hpp"

namespace nospof::lab {

/// Listens (close-on-exec, not blocking, mode 0600). Paths of any length are fine.
UniqueFd listen_at(const std::string& path);
/// Throws SystemError when nobody listens.
UniqueFd connect_to(const std::string& path);

enum class SendResult { sent, would_block, closed };
SendResult send_message(int fd, const boost::json::object& message);

/// One message. Nothing: the other side has closed. Throws Error when what came is no JSON object,
/// SystemError (ETIMEDOUT) when nothing comes in time. at_most 0: only what is there already.
std::optional<boost::json::object> receive_message(int fd, std::chrono::milliseconds at_most);

}  // namespace nospof::lab
