#pragma once
// Reading a probe's JSON configuration, so that whatever is wrong is refused by name.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace nospof::probes {

/// Takes known keys out of an object; what nobody asked for is an error. Everything here throws
/// Error that names the probe, the key, what stood there and what is expected.
class KeyReader {
 public:
  /// Both must outlive this.
  KeyReader(std::string_view probe, const boost::json::object& object)
      : probe_(probe), object_(object) {}

  bool has(std::string_view key) { return find(key) != nullptr; }
  std::string text(std::string_view key, std::string_view otherwise);
  std::string required_text(std::string_view key);  ///< empty counts as missing
  std::string choice(std::string_view key, const std::vector<std::string>& choices,
                     std::string_view otherwise);
  bool boolean(std::string_view key, bool otherwise);
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                       std::int64_t highest);
  /// Above 0 and at most 100,000 per second.
  double required_rate(std::string_view key);
  std::vector<std::string> texts(std::string_view key);  ///< absent: none

  /// To be called when all known keys were asked for.
  void refuse_unknown() const;
  [[noreturn]] void refuse(std::string_view key, const boost::json::value& found,
                           std::string_view expected) const;
  [[noreturn]] void refuse(std::string_view problem) const;  ///< "<probe> probe: <problem>"
  std::string_view probe() const { return probe_; }

 private:
  const boost::json::value* find(std::string_view key);

  std::string_view probe_;
  const boost::json::object& object_;
  std::set<std::string_view> known_;
};

}  // namespace nospof::probes
