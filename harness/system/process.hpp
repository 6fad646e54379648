#pragma once
// Processes: starting them (also inside another host's namespaces), knowing them for sure, ending
// them.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "system/fd.hpp"

namespace nospof {

/// A process that cannot be mistaken for a later one with the same number: pid plus its start time
/// (field 22 of /proc/PID/stat, in clock ticks since boot; see proc(5)).
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

/// What /proc/PID/stat says of a process.
struct ProcessState {
  ProcessId id;
  pid_t parent = 0;
  char state = '?';             ///< R, S, D, T (stopped), Z (zombie), ... as in proc(5)
  std::uint64_t cpu_ticks = 0;  ///< CPU time of all its threads, user and system, in clock ticks
  std::string command;
};

/// Reads /proc/PID/stat of the calling process's pid namespace; nothing when there is no such
/// process.
std::optional<ProcessState> read_process(pid_t pid);

/// True while exactly that process exists and is no zombie.
bool is_alive(const ProcessId& id);

/// True while a stop signal waits to be acted upon: the process will stop as soon as it returns
/// from the kernel (one that waits in vfork for a stopped child does not before that child goes
/// on).
bool has_pending_stop(const ProcessId& id);

/// What a process would do with a signal that came now.
enum class SignalReaction {
  none,     ///< it has no handler, and would ignore it or be ended by it; or it is gone
  waits,    ///< it is blocked: it stays until the process takes it, by sigwait(2) for instance
  handled,  ///< its handler would run
};
/// Out of one look: a process that blocks its signals now and then would be neither to two looks.
/// One that is starting, or executing itself anew, has no handler yet.
SignalReaction reaction_to(const ProcessId& id, int signal_number);

/// The calling process as a descriptor, which a child inherits and asks process_has_ended() of: it
/// may have died before the child said that it wants to die with it (PR_SET_PDEATHSIG). getppid()
/// does not tell it in another pid namespace.
UniqueFd open_own_process();
/// Without waiting. Allocates nothing, so that it can be asked between fork and exec.
bool process_has_ended(int pidfd);

/// Sends a signal by pidfd, after checking that the process is still the one meant.
/// Returns false when it is gone; throws SystemError on anything else.
bool send_signal(const ProcessId& id, int signal_number);

/// One namespace to enter before the program starts.
struct NamespaceFd {
  int fd = -1;
  int type = 0;  ///< CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS or CLONE_NEWIPC
};

struct SpawnOptions {
  std::vector<std::string> argv;  ///< argv[0] is searched in PATH unless `program_fd` is given
  int program_fd =
      -1;  ///< run this open file instead (fexecve), for a program that is not visible there
  std::vector<std::pair<std::string, std::string>>
      environment;                      ///< added to or replacing the caller's
  bool clean_environment = false;       ///< only what `environment` says, nothing of the caller's
  std::string directory;                ///< empty: "/" when namespaces are entered
  int stdin_fd = -1;                    ///< -1: /dev/null
  int stdout_fd = -1;                   ///< -1: /dev/null
  int stderr_fd = -1;                   ///< -1: the caller's
  std::vector<NamespaceFd> namespaces;  ///< entered in the order given; pid last
  int cgroup_procs_fd = -1;             ///< an open cgroup.procs file that the child joins first
  int parent_death_signal = 0;          ///< sent to the child when the thread that started it dies
  bool new_session = false;
};

/// A child of ours. The destructor kills (SIGKILL) and reaps it, unless it was waited for or
/// released.
class Child {
 public:
  Child() = default;
  Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }  ///< readable when the child has ended
  bool running();                             ///< false once it has ended (and is then reaped)
  void signal(int signal_number);             ///< nothing happens when it has already ended
  /// Waits until it ends, at most that long. Nothing: it is still running.
  std::optional<int> wait(std::chrono::milliseconds at_most);  ///< wait status as of waitpid(2)
  std::optional<int> status() const { return status_; }
  void release() { pid_ = 0; }  ///< let it live on without us

 private:
  pid_t pid_ = 0;
  UniqueFd pidfd_;
  std::optional<int> status_;
};

/// Looks a program up in PATH and in the usual folders for programs; a name with a slash is
/// returned as it is. Throws Error when it is not installed.
std::string find_program(const std::string& name);

/// Starts a program. The child is ours also when it runs in another pid namespace. All other
/// descriptors are closed in it. Throws SystemError when anything up to exec fails, naming the
/// step.
Child spawn(const SpawnOptions& options);

struct CommandResult {
  int exit_code = -1;  ///< 128+signal when it was killed
  bool timed_out = false;
  std::string output;  ///< stdout
  std::string errors;  ///< stderr
};
/// Runs to the end with a deadline (SIGKILL after it). Output is cut at 1 MiB. `input` goes to
/// stdin.
CommandResult run_command(SpawnOptions options, std::chrono::milliseconds at_most,
                          std::string_view input = {});

/// "exited with 3", "killed by signal 9 (KILL)"
std::string describe_wait_status(int status);

/// "KILL" or "SIGKILL" -> 9; nothing when the name is unknown.
std::optional<int> signal_number(std::string_view name);
/// 9 -> "KILL"
std::string signal_name(int number);

}  // namespace nospof
