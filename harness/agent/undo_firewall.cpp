#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "agent/undo_operations.hpp"
#include "system/check.hpp"
#include "system/ruleset.hpp"

namespace nospof::agent {

namespace {

std::string possibly_empty(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_string())
    throw Error(fmt::format("undo record without '{}'", name));
  return std::string(value->as_string());
}

std::vector<NftTable> tables_field(const json::object& record, const char* name) {
  std::vector<NftTable> tables;
  const json::value* list = record.if_contains(name);
  if (list == nullptr || !list->is_array())
    throw Error(fmt::format("undo record without the list '{}'", name));
  for (const json::value& entry : list->as_array()) {
    if (!entry.is_object()) throw Error(fmt::format("undo record with a bad table in '{}'", name));
    tables.push_back(
        {text_field(entry.as_object(), "family"), text_field(entry.as_object(), "table")});
  }
  return tables;
}

bool has_all(const std::vector<NftTable>& tables, const std::vector<NftTable>& wanted) {
  return std::ranges::all_of(wanted, [&tables](const NftTable& table) {
    return std::ranges::find(tables, table) != tables.end();
  });
}

// What was placed under a name that the host itself has is gone only when the host's own is back.
bool differs_in_shared(const std::vector<NftTable>& placed, const std::string& before,
                       const std::string& now) {
  const auto text_of = [](const std::vector<TableListing>& listings, const NftTable& table) {
    const auto found = std::ranges::find(listings, table, &TableListing::table);
    return found == listings.end() ? std::string() : found->text;
  };
  const auto hosts = split_listing(before);
  const auto present = split_listing(now);
  return std::ranges::any_of(placed, [&](const NftTable& table) {
    const std::string own = text_of(hosts, table);
    return !own.empty() && text_of(present, table) != own;
  });
}

}  // namespace

UndoResult undo_ruleset(const json::object& record, kinds::HostEnv&) {
  const std::string before = text_field(record, "before");
  const std::string restorable = text_field(record, "ruleset");
  const std::string standing = possibly_empty(record, "standing");
  const std::vector<NftTable> placed = tables_field(record, "standing_tables");
  const HostRuleset now = read_host_ruleset();
  if (now.comparable == before) return {true, false, "the host's own rules are in force"};
  if (now.comparable == standing) {
    // One transaction: there is no moment with neither the one nor the other.
    std::string commands;
    for (const NftTable& table : placed)
      commands += fmt::format("delete table {} {}\n", table.family, table.name);
    NftContext().run(commands + restorable);
    const HostRuleset after = read_host_ruleset();
    if (after.comparable != before)
      return {true, true,
              fmt::format("the host's own rules were loaded again, but read back differently: {}",
                          first_difference(before, after.comparable))};
    return {true, true, "the host's own rules are in force again"};
  }
  std::vector<NftTable> wanted;
  for (const TableListing& table : split_listing(before)) wanted.push_back(table.table);
  const std::string difference = first_difference(before, now.comparable);
  const bool ours_there =
      differs_in_shared(placed, before, now.comparable) ||
      (!placed.empty() && has_all(now.tables, placed) && !has_all(wanted, placed));
  if (has_all(now.tables, wanted) && !ours_there)
    return {true, false,
            fmt::format("somebody else has loaded the host's tables meanwhile, with other rules; "
                        "they are left alone: {}",
                        difference)};
  return {false, false,
          fmt::format("the host's rules were changed by somebody else while the fault was in "
                      "force, so they are not touched: {}. The saved rules stand in the journal, "
                      "field 'ruleset'; load the host's rules yourself, then run nospof recover",
                      difference)};
}

}  // namespace nospof::agent
