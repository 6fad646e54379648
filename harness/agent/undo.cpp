#include "agent/undo.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "agent/undo_operations.hpp"
#include "system/check.hpp"

namespace nospof::agent {

namespace {

struct NamedOperation {
  std::string_view name;
  UndoOperation execute;
};
constexpr std::array operations{
    NamedOperation{"nft-owned-table", undo_nft_table},
    NamedOperation{"restore-ruleset", undo_ruleset},
    NamedOperation{"root-qdisc", undo_root_qdisc},
    NamedOperation{"redirect", undo_redirect},
    NamedOperation{"continue-processes", undo_stop},
    NamedOperation{"start-service", undo_service},
    NamedOperation{"power-on", undo_power_off},
    NamedOperation{"restore-files", undo_file_change},
    NamedOperation{"run-command", undo_by_command},
    NamedOperation{"thaw-host", undo_freeze},
    NamedOperation{"rejoin-host", undo_isolation},
    NamedOperation{"restore-file-limits", undo_file_limits},
    NamedOperation{"restore-control", undo_control},
    NamedOperation{"dissolve-group", undo_group},
    NamedOperation{"remove-cgroup", undo_cgroup},
    NamedOperation{"packet-emulator", undo_packet_emulator},
    NamedOperation{"delete-route", undo_route},
    NamedOperation{"restore-link", undo_link},
    NamedOperation{"delete-address", undo_address},
    NamedOperation{"restore-in-place", undo_in_place},
    NamedOperation{"helper-gone", undo_helper},
};

}  // namespace

std::string text_field(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_string() || value->as_string().empty())
    throw Error(fmt::format("undo record without '{}': {}", name, json::serialize(record)));
  return std::string(value->as_string());
}

std::optional<std::string> optional_text_field(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || (value->is_string() && value->as_string().empty())) return std::nullopt;
  return text_field(record, name);
}

std::vector<std::string> things_restored(const kinds::UndoRecord& record) {
  const std::string op = optional_text_field(record, "op").value_or("");
  if (op == "restore-ruleset") return {"the host's packet filter ruleset"};
  if (op == "restore-control") return {"file " + text_field(record, "file")};
  std::vector<std::string> things;
  const json::value* files = record.if_contains("files");
  if (op != "restore-files" || files == nullptr || !files->is_array()) return things;
  for (const json::value& file : files->as_array())
    if (file.is_object()) things.push_back("file " + text_field(file.as_object(), "path"));
  return things;
}

bool speaks_of_processes(const kinds::UndoRecord& record) {
  const json::value* op = record.if_contains("op");
  return op != nullptr && op->is_string() &&
         (op->as_string() == "continue-processes" || op->as_string() == "restore-file-limits");
}

UndoResult execute_undo(const kinds::UndoRecord& record, kinds::HostEnv& env) {
  try {
    const std::string op = text_field(record, "op");
    const auto found = std::find_if(operations.begin(), operations.end(),
                                    [&](const NamedOperation& each) { return each.name == op; });
    if (found != operations.end()) return found->execute(record, env);
    return {false, false, fmt::format("unknown operation '{}' in an undo record", op)};
  } catch (const std::exception& e) {
    return {false, false, e.what()};
  }
}

}  // namespace nospof::agent
