// Registers every kind of fault and probe, and hands over to the command line.

#include "cli/cli.hpp"
#include "faults/config.hpp"
#include "faults/exec.hpp"
#include "faults/conntrack.hpp"
#include "faults/firewall.hpp"
#include "faults/host_crash.hpp"
#include "faults/host_rules.hpp"
#include "faults/partition.hpp"
#include "faults/process_kill.hpp"
#include "faults/process_pause.hpp"
#include "faults/tls.hpp"
#include "faults/tls_terminate.hpp"
#include "kinds/registry.hpp"
#include "probes/https.hpp"

int main(int argc, char** argv) {
  nospof::kinds::Registry registry;
  registry.add(nospof::faults::make_process_kill());
  registry.add(nospof::faults::make_process_pause());
  registry.add(nospof::faults::make_host_crash());
  registry.add(nospof::faults::make_partition());
  registry.add(nospof::faults::make_tls());
  registry.add(nospof::faults::make_tls_terminate());
  registry.add(nospof::faults::make_config());
  registry.add(nospof::faults::make_exec());
  registry.add(nospof::faults::make_firewall());
  registry.add(nospof::faults::make_firewall_lockout());
  registry.add(nospof::faults::make_firewall_flush());
  registry.add(nospof::faults::make_firewall_replace());
  registry.add(nospof::faults::make_conntrack_flush());
  registry.add(nospof::faults::make_conntrack_full());
  registry.add(nospof::probes::make_https());
  return nospof::cli::main(argc, argv, registry);
}
