#include <algorithm>

#include <fmt/format.h>

#include "analysis/certificate.hpp"
#include "spec/problems.hpp"
#include "system/check.hpp"

namespace nospof::analysis {

namespace {

namespace json = boost::json;

constexpr std::string_view kind = "nospof-certificate";
constexpr int schema = 1;

json::array names_json(const std::vector<std::string>& names) {
  json::array array;
  for (const std::string& name : names) array.emplace_back(name);
  return array;
}

/// Reads one document; its errors name the file and the place in it ("path_sets[2].works").
class Reading {
 public:
  explicit Reading(const std::string& file) : file_(file) {}

  Certificate certificate(const json::value& value) const {
    const json::object& top =
        object(value, "", {"kind", "schema", "tree", "single_points", "path_sets"});
    if (text(field(top, "", "kind"), "kind") != kind)
      fail("kind", fmt::format("expected '{}'", kind));
    const json::value& version = field(top, "", "schema");
    if (version != json::value(schema))
      fail("schema", fmt::format("expected {}: this nospof reads no other", schema));
    Certificate certificate;
    certificate.tree = text(field(top, "", "tree"), "tree");
    certificate.single_points = names(field(top, "", "single_points"), "single_points");
    const json::array& sets = array(field(top, "", "path_sets"), "path_sets");
    for (std::size_t i = 0; i < sets.size(); ++i)
      certificate.path_sets.push_back(path_set(sets[i], fmt::format("path_sets[{}]", i)));
    return certificate;
  }

  [[noreturn]] void fail(const std::string& place, const std::string& what) const {
    throw Error(file_ + ": " + (place.empty() ? "" : place + ": ") + what);
  }

 private:
  PathSet path_set(const json::value& value, const std::string& place) const {
    const json::object& entry = object(value, place, {"avoids", "works"});
    PathSet set;
    set.avoids = names(field(entry, place, "avoids"), place + ".avoids");
    if (entry.contains("works")) set.works = names(entry.at("works"), place + ".works");
    return set;
  }

  const json::object& object(const json::value& value, const std::string& place,
                             const std::vector<std::string>& known) const {
    if (!value.is_object()) fail(place, "expected an object");
    for (const auto& [key, ignored] : value.get_object()) {
      const std::string name(key);
      if (std::ranges::find(known, name) == known.end())
        fail(place, fmt::format("unknown key {}; expected {}{}", spec::quote(name),
                                spec::either(known), spec::did_you_mean(name, known)));
    }
    return value.get_object();
  }

  const json::value& field(const json::object& object, const std::string& place,
                           const std::string& key) const {
    const json::value* found = object.if_contains(key);
    if (found == nullptr) fail(place, fmt::format("the key '{}' is missing", key));
    return *found;
  }

  const json::array& array(const json::value& value, const std::string& place) const {
    if (!value.is_array()) fail(place, "expected a list");
    return value.get_array();
  }

  std::string text(const json::value& value, const std::string& place) const {
    if (!value.is_string()) fail(place, "expected a text");
    return std::string(value.get_string());
  }

  std::vector<std::string> names(const json::value& value, const std::string& place) const {
    const json::array& items = array(value, place);
    std::vector<std::string> result;
    for (std::size_t i = 0; i < items.size(); ++i)
      result.push_back(text(items[i], fmt::format("{}[{}]", place, i)));
    return result;
  }

  const std::string& file_;
};

}  // namespace

json::object certificate_json(const Certificate& certificate) {
  json::array sets;
  for (const PathSet& set : certificate.path_sets) {
    json::object entry{{"avoids", names_json(set.avoids)}};
    if (set.works) entry["works"] = names_json(*set.works);
    sets.push_back(std::move(entry));
  }
  return {{"kind", kind},
          {"schema", schema},
          {"tree", certificate.tree},
          {"single_points", names_json(certificate.single_points)},
          {"path_sets", std::move(sets)}};
}

Certificate parse_certificate(const std::string& text, const std::string& file) {
  const Reading reading(file);
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error) reading.fail("", "not a JSON document: " + error.message());
  return reading.certificate(value);
}

}  // namespace nospof::analysis
