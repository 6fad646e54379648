#pragma once
// Takes known keys out of a probe's JSON; what nobody asked for is an error.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "system/clock.hpp"

namespace nospof::probes {

/// All of its functions throw Error naming `whose` (such as "https probe"), the key, what stood
/// there and what is expected.
class ConfigKeys {
 public:
  /// The object must stay for as long as this does.
  ConfigKeys(std::string whose, const boost::json::object& object)
      : whose_(std::move(whose)), object_(object) {}

  std::string_view whose() const { return whose_; }
  bool has(std::string_view key) { return find(key) != nullptr; }
  std::string text(std::string_view key, std::string_view otherwise);
  /// Must be there and not be empty.
  std::string required_text(std::string_view key);
  /// One of `choices`, of which the first one is the default.
  std::string choice(std::string_view key, const std::vector<std::string_view>& choices);
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                       std::int64_t highest);
  std::int64_t required_integer(std::string_view key, std::int64_t lowest, std::int64_t highest);
  Nanoseconds duration(std::string_view key, Nanoseconds otherwise, Nanoseconds lowest,
                       Nanoseconds highest);
  bool boolean(std::string_view key, bool otherwise);
  bool required_boolean(std::string_view key);
  /// Must be there.
  double rate(std::string_view key, double lowest, double highest);
  std::vector<std::string> texts(std::string_view key);
  /// Objects, at least one and at most `most`.
  std::vector<const boost::json::object*> objects(std::string_view key, std::size_t most);
  void refuse_unknown() const;

  [[noreturn]] void refuse(std::string_view key, const boost::json::value& found,
                           std::string_view expected) const;
  /// "<whose>: <problem>"
  [[noreturn]] void refuse(std::string_view problem) const;

 private:
  const boost::json::value* find(std::string_view key);
  void require(std::string_view key) const;

  std::string whose_;
  const boost::json::object& object_;
  std::set<std::string_view> known_;
};

}  // namespace nospof::probes
