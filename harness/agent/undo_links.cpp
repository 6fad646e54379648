// Routes, links, addresses, the file of names, and the helper processes that act on them.

#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/undo_operations.hpp"
#include "system/arp.hpp"
#include "system/check.hpp"
#include "system/helper_process.hpp"
#include "system/in_place_file.hpp"
#include "system/labelled_address.hpp"
#include "system/link_state.hpp"
#include "system/routes.hpp"

namespace nospof::agent {

using namespace std::chrono_literals;

namespace {

// It dies with its owner; only a system call that it is in keeps it for a moment.
constexpr auto helper_patience = 2s;
constexpr auto answer_time = 200ms;

/// False: a helper that the record names lives on.
bool helper_is_gone(const json::object& record) {
  const auto helper = optional_text_field(record, "helper");
  return !helper || wait_until_helper_is_gone(*helper, helper_patience);
}

UndoResult helper_lives(const json::object& record) {
  return {false, false,
          fmt::format("helper process {} lives on: end the process that owns it",
                      text_field(record, "helper"))};
}

}  // namespace

UndoResult undo_route(const json::object& record, kinds::HostEnv&) {
  const DeadRoute route{checked_prefix(text_field(record, "prefix")),
                        dead_end_of(text_field(record, "type"))};
  const bool changed = delete_dead_route(route);
  return {true, changed,
          fmt::format("{} route to {} {}", name_of(route.type), route.prefix,
                      changed ? "deleted" : "is not there")};
}

UndoResult undo_link(const json::object& record, kinds::HostEnv&) {
  const json::value* field = record.if_contains("state");
  if (field == nullptr || !field->is_object())
    throw Error("undo record without the 'state' of the link");
  const LinkState state = link_state_from_json(field->as_object());
  if (!helper_is_gone(record)) return helper_lives(record);
  const LinkRestored restored = restore_link_state(state);
  if (!restored.link_there)
    return {true, false, fmt::format("link {} is gone, and with it what was changed", state.name)};
  if (!restored.failed.empty())
    return {false, restored.changed,
            fmt::format("link {}: {}", state.name, fmt::join(restored.failed, "; "))};
  return {true, restored.changed,
          fmt::format(
              "link {} is {}", state.name,
              restored.changed ? "up again, with its addresses and routes" : "as it was before")};
}

// Neighbours believe what they were told last. Whoever answers for the address now is told to them
// once more, so that they need not wait until they ask again by themselves.
UndoResult undo_address(const json::object& record, kinds::HostEnv&) {
  const LabelledAddress address{text_field(record, "device"), text_field(record, "address"),
                                text_field(record, "label")};
  if (!helper_is_gone(record)) return helper_lives(record);
  if (!delete_labelled_address(address))
    return {true, false, fmt::format("{} of nospof is not on {}", address.address, address.device)};
  const auto owner = who_has(address.address, answer_time);
  if (owner) announce_address(address.address, *owner);
  return {true, true,
          fmt::format("{} removed from {}; {}", address.address, address.device,
                      owner ? "its neighbours were told of " + text_of(*owner)
                            : std::string("nobody answers for it"))};
}

UndoResult undo_in_place(const json::object& record, kinds::HostEnv&) {
  const json::value* field = record.if_contains("change");
  if (field == nullptr || !field->is_object())
    throw Error("undo record without the 'change' of the file");
  const InPlaceChange change = in_place_change_from(field->as_object());
  switch (put_back(change)) {
    case PutBack::nothing_to_do:
      return {true, false, fmt::format("{} is as it was", change.path)};
    case PutBack::done:
      return {true, true,
              fmt::format("{} has its {} bytes again", change.path, change.before.size())};
    case PutBack::foreign:
      break;
  }
  return {false, false,
          fmt::format("{} was changed by somebody else meanwhile and is left as it is; put back by "
                      "hand what is missing in it",
                      change.path)};
}

UndoResult undo_helper(const json::object& record, kinds::HostEnv&) {
  const std::string name = text_field(record, "helper");
  if (!helper_is_gone(record)) return helper_lives(record);
  return {true, false, fmt::format("helper process {} is gone", name)};
}

}  // namespace nospof::agent
