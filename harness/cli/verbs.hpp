#pragma once
// One function per verb of the command line; each in a file of its own, each returns the exit code
// (docs/architecture.md lists them). Bad input is thrown as spec::SpecError or Error and ends as
// exit code 2.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kinds/registry.hpp"
#include "spec/catalogue.hpp"
#include "spec/topology.hpp"

namespace nospof::cli {

/// Of verbs that break nothing, for their help.
inline constexpr const char* done_or_bad_input = "Exit codes: 0 done; 2 bad input.";

/// Throws Error when a file that is to be written is the one that was read.
void refuse_own_input(const std::string& out, const std::string& in);

int validate_command(const std::vector<std::string>& files, const kinds::Registry& registry);
int schema_command(const std::string& kind, const spec::Catalogue& catalogue);

/// `name` empty: the topology's name.
int lab_up_command(const std::string& topology_file, const std::string& name);
/// TARGET is a lab's name or a topology file. Empty for status: all labs.
int lab_status_command(const std::string& target);
int lab_exec_command(const std::string& target, const std::string& host,
                     const std::vector<std::string>& argv);
int lab_logs_command(const std::string& target, const std::string& host, const std::string& service,
                     int lines);
int lab_down_command(const std::string& target);
int lab_keeper_command(const std::string& folder);

struct AgentArguments {
  std::string host;
  std::string journal;
  std::string runit_folder;
  std::string cgroup_folder;
  std::string data_folder;
  std::string power_lab;  ///< lab whose hosts it has power over; empty: none
  bool recover = false;
  bool status = false;
};
int agent_command(const AgentArguments& arguments, const kinds::Registry& registry);
int prober_command(const kinds::Registry& registry);
/// `lab` empty: all labs.
int recover_command(const std::string& lab);
/// What is in force on which host, and who holds it. Returns 5 when something was left behind.
int status_command(const std::string& lab);

/// All kinds of faults with their parameters, or only one, and whether they work on this machine.
int faults_command(const std::string& only, const kinds::Registry& registry);
/// What this machine can do and what that disables; with a topology also whether its services can
/// run here. Returns 4 when something is disabled.
int doctor_command(const std::string& topology_file, const kinds::Registry& registry);

int report_command(const std::string& run_folder, const std::string& format);

struct SamplesArguments {
  std::string run_folder;
  std::string probe;                ///< empty: the only one
  std::optional<std::string> from;  ///< "10s", "2026-11-20T13:39:56Z", "12345" (CLOCK_MONOTONIC)
  std::optional<std::string> to;
  bool csv = false;
};
/// Returns 3 when there is no sample.
int samples_command(const SamplesArguments& arguments);

struct CheckHistoryArguments {
  std::vector<std::string> files;
  std::string format = "auto";
  std::string stale_reads = "any";
  std::optional<std::uint64_t> max_states;
  std::optional<std::string> max_memory;  ///< "512MiB"
  bool json = false;
};
/// Returns 0 when every history is fine, 1 when one is violated, 2 when one cannot be read,
/// 3 when one is undecided.
int check_history_command(const CheckHistoryArguments& arguments);

/// Makes a pair of keys: PREFIX.pem and PREFIX.pub.pem.
int keygen_command(const std::string& prefix);

struct BundleArguments {
  std::string run_folder;
  std::string out;
  std::string sign;         ///< file with a private key; empty: not signed
  std::string certificate;  ///< file; empty: the one in the run's folder, if there is one
};
int bundle_command(const BundleArguments& arguments);
/// Returns 0 when the bundle is what the key's owner signed and the verdict follows from it, 1 when
/// not, 2 when there is no such bundle or key.
int verify_command(const std::string& bundle, const std::string& key_file,
                   const kinds::Registry& registry);

/// Says on standard error which hosts this version cannot drive, if any.
void note_undrivable(const spec::Topology& topology);

struct ProveArguments {
  std::string topology_file;
  std::vector<std::string> only;
  std::vector<std::string> skip;
  std::string
      plan;  ///< a saved plan whose cells are run; empty: those that `only` and `skip` leave
  bool list = false;
  std::optional<std::string> budget;
  std::string lab;  ///< use this lab, which is up already, and leave it up
  bool keep_lab = false;
  /// Side by side; 0, or none: as many as there is room for; with `lab` or `keep_lab`: one.
  std::optional<int> labs;
  /// Percent of the machine's CPU time: a cell with less of it idle is no evidence for a weakness.
  /// Cells of the reference stack that failed on two cores for no reason of the stack's had 4 to
  /// 5 %, and those that really break the service 14 % and more.
  int min_idle = 10;
  bool no_observe = false;  ///< the probes that look do not run beside the workload
  bool confirm = false;     ///< faults may hit machines that are no lab
  std::string runs = "runs";
  std::string sign;  ///< file with the private key that signs the evidence; empty: none
  std::vector<std::string> argv;  ///< the whole command line
};
int prove_command(const ProveArguments& arguments, const kinds::Registry& registry);

struct RunArguments {
  std::vector<std::string> files;
  bool dry_run = false;
  bool no_observe = false;
  bool confirm = false;
  std::string lab;
  std::string runs = "runs";
  std::vector<std::string> argv;  ///< the whole command line
};
int run_command(const RunArguments& arguments, const kinds::Registry& registry);

}  // namespace nospof::cli
