#pragma once
// A lab that has a keeper.

#include <memory>
#include <string>
#include <vector>

#include "lab/keeper_client.hpp"
#include "lab/lab.hpp"
#include "lab/record.hpp"

namespace nospof::lab {

/// The keeper as the process that started it holds it.
struct OwnKeeper {
  Child process;
  UniqueFd lifeline;  ///< the keeper ends its lab when this closes, until it is released
};

class RunningLab final : public Lab {
 public:
  RunningLab(Layout layout, LabRecord record, spec::Topology topology);
  /// For the one who makes it. When it goes without down() and without release(), so does the lab.
  RunningLab(Layout layout, LabRecord record, spec::Topology topology, OwnKeeper keeper);
  ~RunningLab() override;

  const std::string& name() const override { return record_.name; }
  const std::string& folder() const override { return layout_.folder; }
  const spec::Topology& topology() const override { return topology_; }
  std::vector<HostStatus> status() override;
  HostNamespaces enter(const std::string& host) override;
  std::string service_folder(const std::string& host) const override;
  std::string cgroup_folder(const std::string& host) const override;
  std::string data_folder(const std::string& host) const override;
  std::string log_folder(const std::string& host) const override;
  std::string journal_folder() const override { return layout_.journal(); }
  std::string authority_file(const std::string& authority) const override;
  HostLayout host_layout(const std::string& host) const override;
  IssuedCertificate issue_other_certificate(const std::string& host, const std::string& service,
                                            const OtherCertificate& other) const override;
  std::vector<std::string> render_words(const std::string& host,
                                        const std::vector<std::string>& words) override;
  std::string mac(const std::string& host) const override;
  void power_off(const std::string& host, std::chrono::nanoseconds at_most) override;
  void power_on(const std::string& host) override;
  void down() override;

  /// Boots all hosts; `on_host` hears of each that is up.
  void boot_all(const std::function<void(const std::string& host)>& on_host);
  /// From now on the lab outlives this process.
  void release();

 private:
  const spec::Host& known_host(const std::string& host) const;

  Layout layout_;
  LabRecord record_;
  spec::Topology topology_;
  KeeperClient client_;
  OwnKeeper keeper_;
  bool down_ = false;
};

/// Asks the keeper to end its lab; ends it by force when it does not. `client` may be null.
/// Throws Error when something could not be removed.
void end_with_keeper(const Layout& layout, KeeperClient* client, OwnKeeper& own);

/// Ends whatever is left of a lab whose keeper does not live (any more) and removes its folder and
/// cgroups. The caller holds lock_root. Returns what it did.
std::string remove_remains(const Layout& layout);

}  // namespace nospof::lab
