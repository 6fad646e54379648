#include "report/histogram_json.hpp"

#include <boost/json/array.hpp>

namespace nospof::report {

namespace json = boost::json;

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

}  // namespace nospof::report
