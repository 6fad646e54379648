// Names that /etc/hosts told are not in it any more.

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/dns.hpp"
#include "faults/dns_message.hpp"
#include "system/check.hpp"
#include "system/in_place_file.hpp"

namespace nospof::faults {

namespace {

constexpr const char* hosts_path = "/etc/hosts";

bool is_local(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("ff0") ||
         address.starts_with("fe00:");
}

class HostsInjection final : public kinds::Injection {
 public:
  HostsInjection(InPlaceChange change, std::vector<std::string> names,
                 std::vector<std::string> patterns)
      : change_(std::move(change)), names_(std::move(names)), patterns_(std::move(patterns)) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "restore-in-place"}, {"change", to_json(change_)}}};
  }

  void inject() override {
    if (injected_) throw Error("dns: is in force already, or was");
    injected_ = true;
    place(change_);
  }

  kinds::Confirmation confirm() override {
    const InPlaceChange now = plan_in_place(change_.path);
    const auto left = hosts_without(now.before, patterns_).removed;
    if (!left.empty())
      return {not_yet, fmt::format("{} still tells {}", change_.path, fmt::join(left, ", "))};
    if (now.device != change_.device || now.inode != change_.inode)
      return {unable, fmt::format("{} was replaced by somebody else", change_.path)};
    return {confirmed, fmt::format("{} names are not in {} any more: {}", names_.size(),
                                   change_.path, fmt::join(names_, ", "))};
  }

  kinds::Confirmation confirm_healed() override {
    const InPlaceChange now = plan_in_place(change_.path);
    if (now.before != change_.before)
      return {not_yet, fmt::format("{} is not as it was", change_.path)};
    return {confirmed,
            fmt::format("{} is as it was: {} bytes, {} inode", change_.path, now.before.size(),
                        now.inode == change_.inode ? "the same" : "another")};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  InPlaceChange change_;
  std::vector<std::string> names_;
  std::vector<std::string> patterns_;
  bool injected_ = false;
};

}  // namespace

std::unique_ptr<kinds::Injection> prepare_dns_hosts(const DnsSettings& settings,
                                                    const kinds::HostEnv& env) {
  InPlaceChange change = plan_in_place(hosts_path);
  HostsWithout without = hosts_without(change.before, settings.names);
  if (without.removed.empty())
    throw Error(fmt::format(
        "dns: {} of host '{}' tells {}: there is nothing to take away; for "
        "names that a name server tells use 'source: resolver'",
        hosts_path, env.host,
        settings.names.empty() ? std::string("no name of another host")
                               : fmt::format("none of {}", fmt::join(settings.names, ", "))));
  change.placed = std::move(without.text);
  return std::make_unique<HostsInjection>(std::move(change), std::move(without.removed),
                                          settings.names);
}

HostsWithout hosts_without(const std::string& text, const std::vector<std::string>& patterns) {
  HostsWithout result;
  std::set<std::string> removed;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string line = text.substr(at, end - at);
    at = end;
    const std::size_t comment = std::min(line.find('#'), line.size());
    std::istringstream words(line.substr(0, comment));
    std::string address;
    words >> address;
    std::vector<std::string> kept;
    bool changed = false;
    for (std::string name; words >> name;) {
      const bool meant = patterns.empty() ? !is_local(address) : matches_name(name, patterns);
      if (meant) removed.insert(name);
      changed = changed || meant;
      if (!meant) kept.push_back(name);
    }
    if (!changed)
      result.text += line;
    else if (!kept.empty())
      result.text += fmt::format("{} {}\n", address, fmt::join(kept, " "));
  }
  result.removed.assign(removed.begin(), removed.end());
  return result;
}

}  // namespace nospof::faults
