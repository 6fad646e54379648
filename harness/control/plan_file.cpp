// Reads a saved plan.

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "control/plan.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace json = boost::json;

namespace {

class PlanReader {
 public:
  PlanReader(const std::string& file, const spec::Topology& topology)
      : file_(file), topology_(topology) {}

  json::object parse(const std::string& text) const {
    boost::system::error_code error;
    const json::value value = json::parse(text, error);
    if (error || !value.is_object()) refuse("this is no JSON object, so no plan");
    const json::object& object = value.get_object();
    if (text_of(object, "kind") != "plan") refuse("'kind' is not 'plan'");
    const json::value* schema = object.if_contains("schema");
    if (schema == nullptr || !schema->is_int64() || schema->get_int64() != 1)
      refuse("'schema' is not 1, the one that this nospof reads");
    const json::value* named = object.if_contains("topology");
    if (named == nullptr || !named->is_object()) refuse("'topology' is missing");
    const std::string hash = text_of(named->get_object(), "sha256");
    if (hash != topology_.sha256)
      refuse(
          fmt::format("it is a plan for another version of {}: sha256 {}, now {}; make it anew "
                      "with `nospof plan {} --out {}`",
                      topology_.file, hash, topology_.sha256, topology_.file, file_));
    return object;
  }

  std::vector<json::object> objects(const json::object& object, const char* key) const {
    const json::value* list = object.if_contains(key);
    if (list == nullptr || !list->is_array()) refuse(fmt::format("'{}' is no list", key));
    std::vector<json::object> found;
    for (const json::value& entry : list->get_array()) {
      if (!entry.is_object()) refuse(fmt::format("'{}' has an entry that is no object", key));
      found.push_back(entry.get_object());
    }
    return found;
  }

  std::string text_of(const json::object& object, const char* key) const {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string())
      refuse(fmt::format("'{}' is missing or is no text", key));
    return std::string(value->get_string());
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(fmt::format("{}: {}", file_, why));
  }

 private:
  const std::string& file_;
  const spec::Topology& topology_;
};

}  // namespace

Campaign campaign_of_plan(const std::string& text, const std::string& file,
                          const spec::Topology& topology, const spec::Catalogue& catalogue) {
  const PlanReader reader(file, topology);
  const json::object object = reader.parse(text);
  const Campaign now = plan_campaign(topology, catalogue, {});
  Campaign campaign;
  for (const json::object& entry : reader.objects(object, "cells")) {
    const std::string id = reader.text_of(entry, "id");
    const auto cell = std::ranges::find(now.cells, id, &Cell::id);
    if (cell == now.cells.end())
      reader.refuse(fmt::format("there is no cell '{}'; `nospof prove --list {}` shows them all",
                                id, topology.file));
    if (std::ranges::find(campaign.cells, id, &Cell::id) != campaign.cells.end())
      reader.refuse(fmt::format("the cell '{}' stands there twice", id));
    const json::value* parameters = entry.if_contains("parameters");
    if (parameters == nullptr || *parameters != json::value(parameters_json(cell->parameters)))
      reader.refuse(
          fmt::format("this nospof runs the cell '{}' with other parameters; make the "
                      "plan anew",
                      id));
    campaign.cells.push_back(*cell);
    // What a cell is to show makes its verdict: no file may change it.
    if (reader.text_of(entry, "predicted") != cell->predicted)
      reader.refuse(
          fmt::format("'predicted' of the cell '{}' is not what follows from the topology ('{}'); "
                      "make the plan anew",
                      id, cell->predicted));
  }
  for (const json::object& entry : reader.objects(object, "left_out"))
    campaign.left_out.push_back({reader.text_of(entry, "what"), reader.text_of(entry, "why")});
  for (const Cell& cell : now.cells) {
    const auto same = [&](const auto& known) { return known == cell.id; };
    if (std::ranges::any_of(campaign.cells, same, &Cell::id) ||
        std::ranges::any_of(campaign.left_out, same, &LeftOut::what))
      continue;
    campaign.left_out.push_back({cell.id, fmt::format("not in the plan {}", file)});
  }
  if (campaign.cells.empty()) reader.refuse("there is no cell in it");
  return campaign;
}

}  // namespace nospof::control
