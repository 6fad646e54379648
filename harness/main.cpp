// Registers every kind of fault and probe, and hands over to the command line.

#include "cli/cli.hpp"
#include "faults/bandwidth.hpp"
#include "faults/blackhole.hpp"
#include "faults/clock_skew.hpp"
#include "faults/config.hpp"
#include "faults/connection_reset.hpp"
#include "faults/conntrack.hpp"
#include "faults/cpu_stress.hpp"
#include "faults/crash_loop.hpp"
#include "faults/disk_fill.hpp"
#include "faults/dns.hpp"
#include "faults/exec.hpp"
#include "faults/fd_exhaustion.hpp"
#include "faults/firewall.hpp"
#include "faults/host_crash.hpp"
#include "faults/host_freeze.hpp"
#include "faults/host_isolate.hpp"
#include "faults/host_reboot.hpp"
#include "faults/host_rules.hpp"
#include "faults/io_stress.hpp"
#include "faults/link_down.hpp"
#include "faults/link_flap.hpp"
#include "faults/memory_stress.hpp"
#include "faults/mtu.hpp"
#include "faults/netem.hpp"
#include "faults/partition.hpp"
#include "faults/pid_exhaustion.hpp"
#include "faults/process_kill.hpp"
#include "faults/process_pause.hpp"
#include "faults/process_restart.hpp"
#include "faults/process_slow.hpp"
#include "faults/process_terminate.hpp"
#include "faults/tls.hpp"
#include "faults/tls_terminate.hpp"
#include "faults/vip_conflict.hpp"
#include "kinds/registry.hpp"
#include "probes/connections.hpp"
#include "probes/dns.hpp"
#include "probes/exec.hpp"
#include "probes/firewall.hpp"
#include "probes/http.hpp"
#include "probes/https.hpp"
#include "probes/icmp.hpp"
#include "probes/ledger.hpp"
#include "probes/monitoring.hpp"
#include "probes/plaintext_canary.hpp"
#include "probes/prometheus.hpp"
#include "probes/tcp.hpp"
#include "probes/tls_path.hpp"
#include "probes/vip.hpp"

int main(int argc, char** argv) {
  nospof::kinds::Registry registry;
  registry.add(nospof::faults::make_process_kill());
  registry.add(nospof::faults::make_process_pause());
  registry.add(nospof::faults::make_crash_loop());
  registry.add(nospof::faults::make_process_terminate());
  registry.add(nospof::faults::make_process_restart());
  registry.add(nospof::faults::make_process_slow());
  registry.add(nospof::faults::make_fd_exhaustion());
  registry.add(nospof::faults::make_host_crash());
  registry.add(nospof::faults::make_host_freeze());
  registry.add(nospof::faults::make_host_isolate());
  registry.add(nospof::faults::make_host_reboot());
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
  registry.add(nospof::faults::make_clock_skew());
  registry.add(nospof::faults::make_disk_fill());
  registry.add(nospof::faults::make_cpu_stress());
  registry.add(nospof::faults::make_memory_stress());
  registry.add(nospof::faults::make_io_stress());
  registry.add(nospof::faults::make_pid_exhaustion());
  registry.add(nospof::faults::make_netem());
  registry.add(nospof::faults::make_bandwidth());
  registry.add(nospof::faults::make_blackhole());
  registry.add(nospof::faults::make_link_down());
  registry.add(nospof::faults::make_link_flap());
  registry.add(nospof::faults::make_mtu());
  registry.add(nospof::faults::make_connection_reset());
  registry.add(nospof::faults::make_dns());
  registry.add(nospof::faults::make_vip_conflict());
  registry.add(nospof::probes::make_https());
  registry.add(nospof::probes::make_plaintext_canary());
  registry.add(nospof::probes::make_vip());
  registry.add(nospof::probes::make_tls_path());
  registry.add(nospof::probes::make_firewall());
  registry.add(nospof::probes::make_connections());
  registry.add(nospof::probes::make_http());
  registry.add(nospof::probes::make_tcp());
  registry.add(nospof::probes::make_dns());
  registry.add(nospof::probes::make_icmp());
  registry.add(nospof::probes::make_exec());
  registry.add(nospof::probes::make_prometheus());
  registry.add(nospof::probes::make_monitoring());
  registry.add(nospof::probes::make_ledger());
  return nospof::cli::main(argc, argv, registry);
}
