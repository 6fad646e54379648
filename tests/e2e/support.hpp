#pragma once
// What end-to-end tests share: the program itself as a child, a state folder of its own, and a look
// at the machine from outside.

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "system/process.hpp"

namespace nospof::e2e {

/// Labs and journals of one test, apart from everything else on the machine. Ends every lab and
/// removes the folder when it goes, whatever the test did.
class Sandbox {
 public:
  Sandbox();
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const std::string& folder() const { return folder_; }
  std::string runs() const { return folder_ + "/runs"; }
  /// A lab name that nobody else uses.
  std::string lab_name(const std::string& hint) const;

  /// Runs `nospof ARGS...` to its end.
  CommandResult run(const std::vector<std::string>& arguments, std::chrono::seconds at_most) const;
  /// Starts it; stdout and stderr go to <folder>/<log>.
  Child start(const std::vector<std::string>& arguments, const std::string& log) const;

  /// Names of the labs that have a folder.
  std::vector<std::string> labs() const;

  /// Pids of all processes that were started with this sandbox's state folder, but for the test
  /// itself.
  std::vector<ProcessId> processes() const;

 private:
  SpawnOptions options(const std::vector<std::string>& arguments) const;
  std::string folder_;
};

/// Path of a file of the source tree.
std::string source(const std::string& path);

/// The only file of that name below a folder; empty while there is none.
std::string file_below(const std::string& folder, const std::string& name);

/// The result.json below a folder. Throws Error when there is none.
boost::json::object result_in(const std::string& runs);

/// Asks until it is true; false when the time is over.
bool eventually(std::chrono::milliseconds at_most, const std::function<bool()>& condition);

/// Links, addresses, routes, nft ruleset, mounts and lab cgroups of the machine, each as text.
std::map<std::string, std::string> machine_state();

/// The words of its command line, with a space after each; empty when it has ended.
std::string command_of(pid_t pid);

/// Children of a process whose command line contains the word.
std::vector<ProcessId> children_with(pid_t parent, const std::string& word);

}  // namespace nospof::e2e
