#include <fmt/format.h>

#include "cli/verbs.hpp"
#include "spec/reader.hpp"

namespace nospof::cli {

int schema_command(const std::string& kind, const spec::Catalogue& catalogue) {
  fmt::print("{}", spec::json_schema(kind, catalogue));
  return 0;
}

}  // namespace nospof::cli
