#include "analysis/structure_json.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace nospof::analysis {

namespace json = boost::json;

namespace {

// A relative reference as RFC 3986 wants it.
std::string uri_of(const std::string& path) {
  std::string uri;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        std::isalnum(byte) != 0 || std::string_view("-._~/").find(c) != std::string_view::npos;
    uri += plain && byte < 0x80 ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return uri;
}

json::array texts(const std::vector<std::string>& list) {
  json::array array;
  for (const std::string& text : list) array.emplace_back(text);
  return array;
}

json::object result_json(const spec::Topology& topology, const StructureFinding& finding) {
  json::object region;
  // A result without a line of its own stands at the top of the file: SARIF counts from 1.
  region["startLine"] = std::max(1, finding.mark.line);
  if (finding.mark.line > 0 && finding.mark.column > 0) region["startColumn"] = finding.mark.column;
  const json::object place{
      {"physicalLocation",
       {{"artifactLocation", {{"uri", uri_of(topology.file)}}}, {"region", std::move(region)}}}};
  std::string text = finding.what;
  if (!finding.remedy.empty()) text += ". To do: " + finding.remedy;
  json::object result;
  result["ruleId"] = finding.id;
  result["level"] = severity_name(finding.severity);
  result["message"] = {{"text", std::move(text)}};
  result["locations"] = json::array{place};
  result["properties"] = {{"names", texts(finding.names)}};
  return result;
}

}  // namespace

json::array findings_json(const std::vector<StructureFinding>& findings) {
  json::array list;
  for (const StructureFinding& finding : findings) {
    json::object object;
    object["id"] = finding.id;
    object["severity"] = severity_name(finding.severity);
    object["what"] = finding.what;
    object["names"] = texts(finding.names);
    object["line"] = finding.mark.line > 0 ? json::value(finding.mark.line) : json::value();
    object["remedy"] = finding.remedy;
    list.push_back(std::move(object));
  }
  return list;
}

json::object sarif_log(const spec::Topology& topology, const std::vector<StructureCheck>& checks,
                       const std::vector<StructureFinding>& findings) {
  json::array rules;
  for (const StructureCheck& check : checks)
    rules.push_back(
        json::object{{"id", check.id}, {"shortDescription", {{"text", check.meaning}}}});
  json::array results;
  for (const StructureFinding& finding : findings)
    results.push_back(result_json(topology, finding));
  json::object driver;
  driver["name"] = "nospof";
  driver["version"] = NOSPOF_VERSION;
  driver["rules"] = std::move(rules);
  json::object run;
  run["tool"] = json::object{{"driver", std::move(driver)}};
  run["results"] = std::move(results);
  json::object log;
  log["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
  log["version"] = "2.1.0";
  log["runs"] = json::array{std::move(run)};
  return log;
}

}  // namespace nospof::analysis
