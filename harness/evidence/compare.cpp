#include "evidence/compare.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "report/text.hpp"

namespace nospof::evidence {

namespace json = boost::json;

namespace {

constexpr std::size_t most_columns = 120;

std::string shown(const json::value& value) {
  return report::shortened(report::plain_text(json::serialize(value)), most_columns);
}

const json::string* id_of(const json::value& value) {
  const json::object* object = value.if_object();
  const json::value* id = object == nullptr ? nullptr : object->if_contains("id");
  return id == nullptr ? nullptr : id->if_string();
}

bool all_have_ids(const json::array& array) {
  std::set<std::string_view> ids;
  for (const json::value& value : array) {
    const json::string* id = id_of(value);
    if (id == nullptr || !ids.insert(*id).second) return false;
  }
  return true;
}

class Comparer {
 public:
  explicit Comparer(const Comparison& comparison) : comparison_(comparison) {}

  void compare(const std::string& place, const json::value& stated, const json::value& follows) {
    if (found_.size() > comparison_.most) return;
    if (stated.is_object() && follows.is_object())
      return compare_objects(place, stated.get_object(), follows.get_object());
    if (stated.is_array() && follows.is_array())
      return compare_arrays(place, stated.get_array(), follows.get_array());
    if (stated.is_double() && follows.is_double()) {
      const double a = stated.get_double(), b = follows.get_double();
      if (std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b))) return;
    } else if (stated == follows) {
      return;
    }
    add(fmt::format("{}: {} is stated, but {} follows", place, shown(stated), shown(follows)));
  }

  std::vector<std::string> found() {
    if (found_.size() > comparison_.most) {
      found_.resize(comparison_.most);
      found_.emplace_back("and more");
    }
    return std::move(found_);
  }

 private:
  void add(std::string line) { found_.push_back(std::move(line)); }
  void missing(const std::string& place, const json::value& follows) {
    if (!comparison_.additions)
      add(fmt::format("{}: is not stated, but {} follows", place, shown(follows)));
  }
  void unfounded(const std::string& place, const json::value& stated) {
    add(fmt::format("{}: {} is stated, but does not follow", place, shown(stated)));
  }

  static std::string below(const std::string& place, std::string_view key) {
    return fmt::format("{}{}{}", place, place.empty() ? "" : ".", report::plain_text(key));
  }

  void compare_objects(const std::string& place, const json::object& stated,
                       const json::object& follows) {
    for (const auto& entry : stated) {
      const std::string here = below(place, entry.key());
      if (const json::value* other = follows.if_contains(entry.key()))
        compare(here, entry.value(), *other);
      else
        unfounded(here, entry.value());
    }
    for (const auto& entry : follows)
      if (!stated.contains(entry.key())) missing(below(place, entry.key()), entry.value());
  }

  void compare_arrays(const std::string& place, const json::array& stated,
                      const json::array& follows) {
    if (all_have_ids(stated) && all_have_ids(follows)) return compare_by_id(place, stated, follows);
    if (stated.size() != follows.size())
      add(fmt::format("{}: {} entries are stated, but {} follow", place, stated.size(),
                      follows.size()));
    for (std::size_t i = 0; i < std::min(stated.size(), follows.size()); ++i)
      compare(fmt::format("{}[{}]", place, i), stated[i], follows[i]);
  }

  void compare_by_id(const std::string& place, const json::array& stated,
                     const json::array& follows) {
    std::map<std::string_view, const json::value*> others;
    for (const json::value& value : follows) others[*id_of(value)] = &value;
    bool same_ids = stated.size() == follows.size();
    bool same_order = same_ids;
    for (std::size_t i = 0; i < stated.size(); ++i) {
      const std::string_view id = *id_of(stated[i]);
      const std::string here = fmt::format("{}[{}]", place, report::plain_text(id));
      same_order = same_order && id == std::string_view(*id_of(follows[i]));
      const auto other = others.find(id);
      if (other == others.end()) {
        unfounded(here, stated[i]);
        same_ids = false;
      } else {
        compare(here, stated[i], *other->second);
        others.erase(other);
      }
    }
    for (const auto& [id, value] : others)
      add(fmt::format("{}[{}]: is not stated, but {} follows", place, report::plain_text(id),
                      shown(*value)));
    if (same_ids && !same_order) add(fmt::format("{}: stands in another order", place));
  }

  Comparison comparison_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> differences(const json::value& stated, const json::value& follows,
                                     const Comparison& comparison) {
  Comparer comparer(comparison);
  comparer.compare("", stated, follows);
  return comparer.found();
}

}  // namespace nospof::evidence
