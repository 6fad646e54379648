#pragma once
// One number out of a JSON text. Pure.

#include <optional>
#include <string_view>
#include <vector>

namespace nospof::probes {

struct JsonNumber {
  bool is_json = false;
  std::optional<double> value;  ///< nothing: there is no such field, or it is no number
};

/// `path`: keys of objects and indices of arrays with dots between them, "data.result.0.value";
/// true is 1, false is 0.
JsonNumber json_number_at(std::string_view text, std::string_view path);

}  // namespace nospof::probes
