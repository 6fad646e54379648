// Queries of the host's programs are redirected to a responder that dies with the agent.

#include <algorithm>
#include <array>
#include <sstream>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "faults/dns.hpp"
#include "faults/dns_message.hpp"
#include "faults/dns_responder.hpp"
#include "faults/owned_table.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using std::chrono::milliseconds;

constexpr const char* kind_name = "dns";
constexpr const char* resolv_conf = "/etc/resolv.conf";
constexpr const char* hosts_path = "/etc/hosts";
// So long a query must stay without an answer to be taken for one that gets none.
constexpr milliseconds silence{300};
// A query may get lost; it is sent again so often.
constexpr milliseconds again{250};

std::uint16_t random_word() {
  std::uint16_t number = 0;
  check("getrandom", ::getrandom(&number, sizeof number, 0));
  return number;
}

std::string text_of_file(const std::string& path) {
  try {
    return read_file(path);
  } catch (const SystemError& error) {
    if (error.error_number() == ENOENT) return {};
    throw;
  }
}

/// A query as the host's programs send them.
class Question {
 public:
  Question(const std::string& server, const std::string& name, MonoTime now)
      : fd_(check("open a socket",
                  ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))),
        id_(random_word()),
        query_(dns_query(id_, name)),
        first_(now),
        last_(now) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(53);
    check("inet_pton", ::inet_pton(AF_INET, server.c_str(), &to.sin_addr) - 1);
    check("connect to name server " + server,
          ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
    send();
  }

  /// The code of the answer; nothing as long as there is none.
  std::optional<int> answer(MonoTime now) {
    std::array<char, 1500> block{};
    const ssize_t n = ::recv(fd_.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (n > 0)
      if (const auto code =
              dns_answer_code(std::string_view(block.data(), static_cast<std::size_t>(n)), id_))
        return code;
    if (now - last_ >= again) {
      last_ = now;
      send();
    }
    return std::nullopt;
  }
  milliseconds age(MonoTime now) const {
    return std::chrono::duration_cast<milliseconds>(now - first_);
  }

 private:
  void send() { ::send(fd_.get(), query_.data(), query_.size(), MSG_DONTWAIT | MSG_NOSIGNAL); }

  UniqueFd fd_;
  std::uint16_t id_;
  std::string query_;
  MonoTime first_, last_;
};

class ResolverInjection final : public kinds::Injection {
 public:
  ResolverInjection(DnsSettings settings, OwnedTable table, const Clock& clock)
      : settings_(std::move(settings)),
        table_(std::move(table)),
        clock_(clock),
        name_(new_helper_name()) {}

  std::vector<kinds::UndoRecord> undo() const override {
    std::vector<kinds::UndoRecord> records = table_.undo();
    records.push_back({{"op", "helper-gone"}, {"helper", name_}});
    return records;
  }

  void inject() override {
    if (injected_) throw Error("dns: is in force already, or was");
    injected_ = true;
    std::vector<DnsFront> fronts;
    std::vector<RedirectedServer> servers;
    std::vector<int> descriptors;
    for (const std::string& server : settings_.servers) {
      fronts.push_back(open_dns_front(server));
      servers.push_back({server, fronts.back().udp_port, fronts.back().tcp_port});
      descriptors.push_back(fronts.back().udp.get());
      descriptors.push_back(fronts.back().tcp.get());
    }
    helper_ = start_helper({.name = name_, .descriptors = descriptors},
                           [&] { run_dns_responder(settings_, fronts, counters_); });
    // Never zero, which is where everything else is tracked.
    const auto zone = static_cast<std::uint16_t>(random_word() | 1U);
    table_.add(dns_rules(servers, dns_relay_mark, zone, table_.name()));
  }

  kinds::Confirmation confirm() override {
    NftContext look;
    if (const auto amiss = table_.amiss(look)) return *amiss;
    const std::string why = table_.not_first(look, {"output"});
    if (!why.empty()) return {unable, why};
    if (!helper_.running()) return {unable, "the responder has ended"};
    const MonoTime now = clock_.now();
    if (!question_) question_.emplace(settings_.servers.front(), probe_name(), now);
    if (!code_) code_ = question_->answer(now);
    if (code_ && !answered_after_) answered_after_ = question_->age(now);
    const milliseconds waited = answered_after_.value_or(question_->age(now));
    const std::string evidence = fmt::format(
        "asked {} for {}: {} after {} ms; responder: {} denied, {} withheld, {} delayed, {} sent "
        "on",
        settings_.servers.front(), probe_name(),
        code_ ? fmt::format("answer with code {}", *code_) : std::string("no answer"),
        waited.count(), counters_[dns_denied].load(), counters_[dns_withheld].load(),
        counters_[dns_delayed].load(), counters_[dns_relayed].load());
    return {judge(waited), evidence};
  }

  void release() override {
    table_.release();
    helper_ = Child();
  }

  kinds::Confirmation confirm_healed() override {
    if (helper_.running()) return {not_yet, "the responder still runs"};
    return table_.confirm_healed();
  }

 private:
  using enum kinds::Confirmation::Outcome;

  std::string probe_name() const {
    if (settings_.names.empty()) return "nospof.invalid";
    const std::string& first = settings_.names.front();
    return first.starts_with("*.") ? "nospof" + first.substr(1) : first;
  }

  kinds::Confirmation::Outcome judge(milliseconds waited) const {
    constexpr int no_such_name = 3;
    switch (settings_.mode) {
      case DnsMode::nxdomain:
        return code_ == no_such_name && counters_[dns_denied] > 0 ? confirmed : not_yet;
      case DnsMode::timeout:
        if (code_) return unable;
        return counters_[dns_withheld] > 0 && waited >= silence ? confirmed : not_yet;
      case DnsMode::slow: {
        if (code_ && waited < settings_.delay) return unable;
        const bool late = waited >= std::min(settings_.delay, milliseconds(1000));
        return counters_[dns_delayed] > 0 && late ? confirmed : not_yet;
      }
    }
    return unable;
  }

  DnsSettings settings_;
  OwnedTable table_;
  const Clock& clock_;
  std::string name_;
  SharedCounters counters_;
  bool injected_ = false;
  Child helper_;
  std::optional<Question> question_;
  std::optional<int> code_;
  std::optional<milliseconds> answered_after_;
};

void require_ipv4(const std::vector<std::string>& servers, const std::string& host) {
  for (const std::string& server : servers) {
    in_addr parsed{};
    if (::inet_pton(AF_INET, server.c_str(), &parsed) != 1)
      throw Error(
          fmt::format("dns: host '{}' asks name server {}, and only IPv4 ones can be "
                      "redirected; name those that matter with 'servers'",
                      host, server));
  }
}

// glibc looks into the file first: such a name never gets to a name server.
void refuse_names_of_the_file(const DnsSettings& settings, const std::string& host) {
  if (settings.names.empty()) return;
  const std::vector<std::string> there =
      hosts_without(text_of_file(hosts_path), settings.names).removed;
  if (!there.empty())
    throw Error(
        fmt::format("dns: host '{}' asks no name server for {}, which its {} tells; use "
                    "'source: hosts'",
                    host, fmt::join(there, ", "), hosts_path));
}

}  // namespace

std::unique_ptr<kinds::Injection> prepare_dns_resolver(const DnsSettings& settings,
                                                       const kinds::HostEnv& env) {
  DnsSettings used = settings;
  if (used.servers.empty()) {
    used.servers = name_servers_in(text_of_file(resolv_conf));
    if (used.servers.empty())
      throw Error(
          fmt::format("dns: host '{}' asks no name server: {} names none, so its names come "
                      "from {}; use 'source: hosts', or name the servers that programs ask "
                      "by themselves with 'servers'",
                      env.host, resolv_conf, hosts_path));
    refuse_names_of_the_file(used, env.host);
  }
  require_ipv4(used.servers, env.host);
  OwnedTable table(kind_name, {"ip"});
  std::vector<RedirectedServer> servers;
  for (const std::string& server : used.servers) servers.push_back({server, 1, 1});
  require_rules(kind_name, env.host, dns_rules(servers, dns_relay_mark, 1, table.name()),
                "are nftables with nat and redirect (CONFIG_NFT_REDIR), connection tracking zones "
                "(CONFIG_NF_CONNTRACK_ZONES) and the table flag owner (Linux 5.12)");
  return std::make_unique<ResolverInjection>(std::move(used), std::move(table), clock_of(env));
}

std::vector<std::string> name_servers_in(const std::string& resolv_conf_text) {
  std::vector<std::string> servers;
  std::istringstream lines(resolv_conf_text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    std::string address;
    words >> key >> address;
    if (key == "nameserver" && !address.empty() &&
        std::find(servers.begin(), servers.end(), address) == servers.end())
      servers.push_back(address);
  }
  return servers;
}

std::string dns_rules(const std::vector<RedirectedServer>& servers, std::uint32_t mark,
                      std::uint16_t zone, const std::string& table) {
  std::string tracking = fmt::format("    meta mark {:#x} return\n", mark);
  std::string redirection = tracking;
  for (const RedirectedServer& server : servers)
    for (const char* protocol : {"udp", "tcp"}) {
      const int port = std::string_view(protocol) == "udp" ? server.udp_port : server.tcp_port;
      tracking += fmt::format(
          "    ip daddr {0} {1} dport 53 ct zone set {2}\n"
          "    ip saddr 127.0.0.1 {1} sport {3} ct zone set {2}\n",
          server.address, protocol, zone, port);
      redirection += fmt::format("    ip daddr {} {} dport 53 counter redirect to :{}\n",
                                 server.address, protocol, port);
    }
  // Translation of addresses is possible only after tracking, which is at -200.
  return fmt::format(
      "table ip {} {{\n  flags owner\n"
      "  chain tracking {{\n    type filter hook output priority {}; policy accept;\n{}  }}\n"
      "  chain redirection {{\n    type nat hook output priority -199; policy accept;\n{}  "
      "}}\n}}\n",
      table, first_priority, tracking, redirection);
}

}  // namespace nospof::faults
