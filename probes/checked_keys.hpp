#pragma once
// A probe's JSON configuration, key by key: what is missing, out of range or unknown is an Error
// that names the probe, the key, what stood there and what is expected.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "system/clock.hpp"

namespace nospof::probes {

class CheckedKeys {
 public:
  /// Both must outlive it.
  CheckedKeys(std::string_view probe, const boost::json::object& object)
      : probe_(probe), object_(object) {}

  /// Throws Error when it is missing or no text.
  std::string text(std::string_view key);
  /// `otherwise` when it is absent.
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                       std::int64_t highest);
  /// Of the key `<name>_ns`, an integer of nanoseconds.
  Nanoseconds duration(std::string_view name, Nanoseconds otherwise, Nanoseconds shortest,
                       Nanoseconds longest);
  /// Throws Error when there is a key that nobody asked for. Call it last.
  void refuse_unknown() const;
  /// Throws the Error for a value that cannot be used.
  [[noreturn]] void refuse(std::string_view key, std::string_view expected) const;

 private:
  const boost::json::value* find(std::string_view key);

  std::string_view probe_;
  const boost::json::object& object_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace nospof::probes
