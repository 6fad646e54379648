#pragma once
// The operations that undo records name, one file for each family of them: undo_network.cpp,
// undo_firewall.cpp, undo_processes.cpp, undo_services.cpp, undo_files.cpp, ... A new one is
// declared here and listed in undo.cpp.

#include <optional>
#include <string>

#include "agent/undo.hpp"

namespace nospof::agent {

namespace json = boost::json;

/// A field of a record that must be text. Throws Error when it is missing or empty.
std::string text_field(const json::object& record, const char* name);
/// The same, nullopt when it is missing or empty.
std::optional<std::string> optional_text_field(const json::object& record, const char* name);

/// Each takes a record and undoes what it names; throws Error on a record that it can't read.
using UndoOperation = UndoResult (*)(const json::object& record, kinds::HostEnv& env);

UndoResult undo_nft_table(const json::object& record, kinds::HostEnv& env);
UndoResult undo_ruleset(const json::object& record, kinds::HostEnv& env);
UndoResult undo_root_qdisc(const json::object& record, kinds::HostEnv& env);
UndoResult undo_redirect(const json::object& record, kinds::HostEnv& env);
UndoResult undo_stop(const json::object& record, kinds::HostEnv& env);
UndoResult undo_service(const json::object& record, kinds::HostEnv& env);
UndoResult undo_freeze(const json::object& record, kinds::HostEnv& env);
UndoResult undo_isolation(const json::object& record, kinds::HostEnv& env);
UndoResult undo_power_off(const json::object& record, kinds::HostEnv& env);
UndoResult undo_file_change(const json::object& record, kinds::HostEnv& env);
UndoResult undo_by_command(const json::object& record, kinds::HostEnv& env);

UndoResult undo_file_limits(const json::object& record, kinds::HostEnv& env);
UndoResult undo_control(const json::object& record, kinds::HostEnv& env);
UndoResult undo_group(const json::object& record, kinds::HostEnv& env);
UndoResult undo_cgroup(const json::object& record, kinds::HostEnv& env);
UndoResult undo_packet_emulator(const json::object& record, kinds::HostEnv& env);
UndoResult undo_route(const json::object& record, kinds::HostEnv& env);
UndoResult undo_link(const json::object& record, kinds::HostEnv& env);
UndoResult undo_address(const json::object& record, kinds::HostEnv& env);
UndoResult undo_in_place(const json::object& record, kinds::HostEnv& env);
UndoResult undo_helper(const json::object& record, kinds::HostEnv& env);

}  // namespace nospof::agent
