// Registers every kind of fault and probe, and hands over to the command line.

#include "cli/cli.hpp"
#include "faults/bandwidth.hpp"
#include "faults/host_crash.hpp"
#include "faults/netem.hpp"
#include "faults/partition.hpp"
#include "faults/process_kill.hpp"
#include "faults/process_pause.hpp"
#include "kinds/registry.hpp"
#include "probes/https.hpp"

int main(int argc, char** argv) {
  nospof::kinds::Registry registry;
  registry.add(nospof::faults::make_process_kill());
  registry.add(nospof::faults::make_process_pause());
  registry.add(nospof::faults::make_host_crash());
  registry.add(nospof::faults::make_partition());
  registry.add(nospof::faults::make_netem());
  registry.add(nospof::faults::make_bandwidth());
  registry.add(nospof::probes::make_https());
  return nospof::cli::main(argc, argv, registry);
}
