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
    NamedOperation{"root-qdisc", undo_root_qdisc},
    NamedOperation{"redirect", undo_redirect},
    NamedOperation{"continue-processes", undo_stop},
    NamedOperation{"start-service", undo_service},
    NamedOperation{"power-on", undo_power_off},
    NamedOperation{"packet-emulator", undo_packet_emulator},
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

bool speaks_of_processes(const kinds::UndoRecord& record) {
  const json::value* op = record.if_contains("op");
  return op != nullptr && op->is_string() && op->as_string() == "continue-processes";
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
