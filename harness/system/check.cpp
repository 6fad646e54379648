#include "system/check.hpp"

#include <system_error>

#include <fmt/format.h>

namespace nospof {

SystemError::SystemError(std::string_view attempt, int error_number)
    : std::runtime_error(
          fmt::format("{}: {}", attempt, std::generic_category().message(error_number))),
      error_number_(error_number) {}

}  // namespace nospof
