#include "faults/size_parameter.hpp"

#include <fmt/format.h>

#include "spec/units.hpp"
#include "system/check.hpp"

namespace nospof::faults {

std::uint64_t size_parameter(const std::string& kind, const std::string& name,
                             const std::string& text) {
  const auto size = spec::parse_size(text);
  if (!size)
    throw Error(
        fmt::format("{}: parameter '{}' is '{}', but must be a size such as 64MiB, 1.5GiB "
                    "or 0B",
                    kind, name, text));
  return size->bytes;
}

}  // namespace nospof::faults
