#include "report/histogram_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::report {

namespace {

namespace json = boost::json;

template <typename T>
T whole_number(const json::value& value) {
  boost::system::error_code error;
  const T number = value.to_number<T>(error);
  if (error) throw Error("a histogram has a number that is missing, not whole or out of range");
  return number;
}

Nanoseconds bound(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) throw Error(fmt::format("a histogram has no '{}'", key));
  return Nanoseconds(whole_number<std::int64_t>(*value));
}

}  // namespace

json::object histogram_json(const verdict::Histogram& histogram) {
  json::array buckets;
  for (const verdict::Histogram::Bucket& bucket : histogram.buckets()) {
    buckets.emplace_back(bucket.index);
    buckets.emplace_back(bucket.count);
  }
  json::object object;
  if (histogram.count() > 0) {
    object["min_ns"] = histogram.min()->count();
    object["max_ns"] = histogram.max()->count();
  }
  object["buckets"] = std::move(buckets);
  return object;
}

verdict::Histogram parse_histogram(const json::object& object) {
  const json::value* list = object.if_contains("buckets");
  if (list == nullptr || !list->is_array() || list->get_array().size() % 2 != 0)
    throw Error("a histogram has no list 'buckets' of pairs of numbers");
  const json::array& numbers = list->get_array();
  std::vector<verdict::Histogram::Bucket> buckets;
  for (std::size_t i = 0; i < numbers.size(); i += 2)
    buckets.push_back(
        {whole_number<std::size_t>(numbers[i]), whole_number<std::uint64_t>(numbers[i + 1])});
  if (buckets.empty()) return {};
  return verdict::Histogram::restore(bound(object, "min_ns"), bound(object, "max_ns"), buckets);
}

}  // namespace nospof::report
