# Writes OUTPUT, which says from which commit the tree SOURCE is built; touched only when that changes.
set(commit "")
execute_process(COMMAND git --no-optional-locks -C ${SOURCE} rev-parse --verify --quiet HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT commit MATCHES "^[0-9a-f]+$")
  set(commit "")
else()
  execute_process(COMMAND git --no-optional-locks -C ${SOURCE} status --porcelain --untracked-files=no
    OUTPUT_VARIABLE changes ERROR_QUIET)
  if(NOT changes STREQUAL "")
    string(APPEND commit "+changes")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[#include "cli/commit.hpp"

namespace nospof::cli {
const char* const built_commit = "@commit@";
}  // namespace nospof::cli
]])
