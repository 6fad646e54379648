// Registers every kind of fault and probe, and hands over to the command line.

#include "cli/cli.hpp"
#include "faults/blackhole.hpp"
#include "faults/connection_reset.hpp"
#include "faults/dns.hpp"
#include "faults/host_crash.hpp"
#include "faults/link_down.hpp"
#include "faults/link_flap.hpp"
#include "faults/mtu.hpp"
#include "faults/partition.hpp"
#include "faults/process_kill.hpp"
#include "faults/process_pause.hpp"
#include "faults/vip_conflict.hpp"
#include "kinds/registry.hpp"
#include "probes/https.hpp"

int main(int argc, char** argv) {
  nospof::kinds::Registry registry;
  registry.add(nospof::faults::make_process_kill());
  registry.add(nospof::faults::make_process_pause());
  registry.add(nospof::faults::make_host_crash());
  registry.add(nospof::faults::make_partition());
  registry.add(nospof::faults::make_blackhole());
  registry.add(nospof::faults::make_link_down());
  registry.add(nospof::faults::make_link_flap());
  registry.add(nospof::faults::make_mtu());
  registry.add(nospof::faults::make_connection_reset());
  registry.add(nospof::faults::make_dns());
  registry.add(nospof::faults::make_vip_conflict());
  registry.add(nospof::probes::make_https());
  return nospof::cli::main(argc, argv, registry);
}
