#include "agent/prober.hpp"

#include <unistd.h>

#include "cli/verbs.hpp"

namespace nospof::cli {

int prober_command(const kinds::Registry& registry) {
  return agent::run_prober(registry, STDIN_FILENO, STDOUT_FILENO);
}

}  // namespace nospof::cli
