#include "tests/support/netem_pair.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <thread>

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if_arp.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/undo.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"
#include "system/process.hpp"

namespace nospof::test {

using namespace std::chrono_literals;

namespace {

void inside(int network_namespace, const std::function<void()>& work) {
  in_namespaces({{network_namespace, CLONE_NEWNET}}, work);
}

sockaddr_in endpoint(const char* address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  check("inet_pton", ::inet_pton(AF_INET, address, &to.sin_addr) - 1);
  return to;
}

UniqueFd open_socket(int network_namespace, int type) {
  UniqueFd fd;
  inside(network_namespace,
         [&] { fd.reset(check("socket", ::socket(AF_INET, type | SOCK_CLOEXEC, 0))); });
  return fd;
}

void set(const UniqueFd& socket, int level, int option, int value) {
  check("setsockopt", ::setsockopt(socket.get(), level, option, &value, sizeof value));
}

void bind_to(const UniqueFd& socket, const char* address, std::uint16_t port) {
  const sockaddr_in at = endpoint(address, port);
  check("bind", ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
}

Nanoseconds since_epoch() {
  return std::chrono::duration_cast<Nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

// Where packets are put that come in together: in a virtual machine each system call is slow.
class Inbox {
 public:
  Inbox() {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      parts_[i] = {payloads_[i].data(), payloads_[i].size()};
      messages_[i].msg_hdr.msg_iov = &parts_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  /// Takes what lies in the socket, with the moments at which the kernel received it.
  std::size_t take_all(const UniqueFd& socket, NetemTrace& trace) {
    std::size_t sum = 0;
    for (;;) {
      for (std::size_t i = 0; i < messages_.size(); ++i) {
        messages_[i].msg_hdr.msg_control = controls_[i].bytes.data();
        messages_[i].msg_hdr.msg_controllen = controls_[i].bytes.size();
      }
      const int count = ::recvmmsg(socket.get(), messages_.data(), together, MSG_DONTWAIT, nullptr);
      if (count <= 0) return sum;
      const auto taken = static_cast<std::size_t>(count);
      for (std::size_t i = 0; i < taken; ++i)
        trace.arrived({payloads_[i].data(), messages_[i].msg_len}, received(messages_[i].msg_hdr));
      sum += taken;
      if (taken < together) return sum;
    }
  }

 private:
  static constexpr unsigned together = 32;
  struct Control {
    alignas(cmsghdr) std::array<char, 128> bytes{};
  };

  static Nanoseconds received(msghdr& message) {
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head))
      if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(head), sizeof stamp);
        return std::chrono::seconds(stamp.tv_sec) + Nanoseconds(stamp.tv_nsec);
      }
    throw Error("a packet came without the moment at which it was received");
  }

  std::array<std::array<char, 2048>, together> payloads_{};
  std::array<Control, together> controls_{};
  std::array<iovec, together> parts_{};
  std::array<mmsghdr, together> messages_{};
};

// Tells the host in that namespace which Ethernet address each of the other one's addresses has,
// for good: a question for it would be lost or late as other packets are, and with it all that wait
// for the answer.
void introduce(int network_namespace, Netlink& other, const std::vector<const char*>& addresses) {
  const UniqueFd socket = open_socket(network_namespace, SOCK_DGRAM);
  const auto links = other.links();
  const auto link = std::ranges::find(links, "eth0", &LinkInfo::name);
  arpreq entry{};
  std::strcpy(entry.arp_dev, "eth0");
  entry.arp_flags = ATF_COM | ATF_PERM;
  entry.arp_ha.sa_family = ARPHRD_ETHER;
  const ether_addr* mac = link == links.end() ? nullptr : ::ether_aton(link->mac.c_str());
  if (mac == nullptr) throw Error("eth0 has no Ethernet address");
  std::memcpy(entry.arp_ha.sa_data, mac, sizeof *mac);
  for (const char* address : addresses) {
    const sockaddr_in protocol = endpoint(address, 0);
    std::memcpy(&entry.arp_pa, &protocol, sizeof protocol);
    check("SIOCSARP", ::ioctl(socket.get(), SIOCSARP, &entry));
  }
}

}  // namespace

RunningFault::RunningFault(int network_namespace, std::unique_ptr<kinds::Fault> fault)
    : namespace_(network_namespace) {
  kinds::HostEnv env;
  env.host = "a";
  inside(namespace_, [&] { injection_ = fault->prepare(env); });
}

void RunningFault::inject() {
  inside(namespace_, [this] { injection_->inject(); });
}

kinds::Confirmation RunningFault::confirm() {
  const auto end = std::chrono::steady_clock::now() + 5s;
  for (;;) {
    kinds::Confirmation answer;
    inside(namespace_, [&] { answer = injection_->confirm(); });
    if (answer.outcome != kinds::Confirmation::Outcome::not_yet) return answer;
    if (std::chrono::steady_clock::now() >= end) return answer;
    std::this_thread::sleep_for(20ms);
  }
}

std::vector<std::string> RunningFault::heal() {
  inside(namespace_, [this] { injection_->release(); });
  return execute_records(namespace_, injection_->undo());
}

kinds::Confirmation RunningFault::confirm_healed() {
  kinds::Confirmation answer;
  inside(namespace_, [&] { answer = injection_->confirm_healed(); });
  return answer;
}

NetemPair::NetemPair() : first_(create_network_namespace()), second_(create_network_namespace()) {
  Netlink one = Netlink::in(first_.get());
  one.add_veth({.name = "eth0",
                .master = "",
                .peer_name = "eth0",
                .peer_mac = "",
                .peer_namespace_fd = second_.get()});
  Netlink two = Netlink::in(second_.get());
  one.add_address("eth0", std::string(first_address) + "/24");
  two.add_address("eth0", std::string(second_address) + "/24");
  two.add_address("eth0", std::string(other_address) + "/24");
  for (Netlink* host : {&one, &two}) {
    host->set_up("lo", true);
    host->set_up("eth0", true);
  }
  introduce(first(), two, {second_address, other_address});
  introduce(second(), one, {first_address});
  // The devices take a moment to notice that the other end is up.
  for (int tries = 0; measure({.packets = 1, .patience = 10ms}).arrivals().empty(); ++tries)
    if (tries == 500) throw Error("no packet passes between the two hosts");
  // Routes are told to be down for a moment after the carrier came.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (state().find("linkdown") != std::string::npos && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

kinds::StackView NetemPair::stack() const {
  kinds::StackView view;
  view.hosts = {
      {"a", first_address, "", {}}, {"b", second_address, "", {}}, {"c", other_address, "", {}}};
  return view;
}

RunningFault NetemPair::fault(const kinds::FaultKind& kind,
                              const spec::Parameters& parameters) const {
  const kinds::Plan plan = kind.plan({"a"}, "", parameters, stack());
  return {first_.get(), kind.make(plan.placements.at(0).parameters)};
}

NetemTrace NetemPair::measure(const Flow& flow) const {
  const char* from = flow.to_first ? second_address : first_address;
  const char* to =
      flow.to_first ? first_address : (flow.other_address ? other_address : second_address);
  const UniqueFd sender = open_socket(flow.to_first ? second() : first(), SOCK_DGRAM);
  const UniqueFd receiver = open_socket(flow.to_first ? first() : second(), SOCK_DGRAM);
  // What is corrupted is to arrive.
  set(sender, SOL_SOCKET, SO_NO_CHECK, 1);
  set(sender, SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20);
  set(receiver, SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20);
  set(receiver, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  bind_to(sender, from, 0);
  bind_to(receiver, to, flow.port);
  const sockaddr_in destination = endpoint(to, flow.port);
  check("connect", ::connect(sender.get(), reinterpret_cast<const sockaddr*>(&destination),
                             sizeof destination));
  NetemTrace trace;
  Inbox inbox;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < flow.packets; ++i) {
    if (flow.apart.count() > 0) std::this_thread::sleep_until(begin + i * flow.apart);
    const std::string payload = netem_payload(i, flow.bytes);
    trace.sent(since_epoch());
    ::send(sender.get(), payload.data(), payload.size(), MSG_DONTWAIT);
    if (i % 32 == 31) inbox.take_all(receiver, trace);
  }
  auto end = std::chrono::steady_clock::now() + flow.patience;
  while (std::chrono::steady_clock::now() < end) {
    pollfd entry{receiver.get(), POLLIN, 0};
    ::poll(&entry, 1, 20);
    if (inbox.take_all(receiver, trace) > 0) end = std::chrono::steady_clock::now() + flow.patience;
  }
  return trace;
}

std::string NetemPair::run(const std::vector<std::string>& command) const {
  SpawnOptions options;
  options.argv = command;
  options.namespaces = {{first_.get(), CLONE_NEWNET}};
  const CommandResult result = run_command(options, 20s);
  return result.output + result.errors;
}

std::string NetemPair::state() const {
  return run({"tc", "qdisc", "show"}) + run({"tc", "class", "show", "dev", "eth0"}) +
         run({"tc", "filter", "show", "dev", "eth0"}) +
         run({"tc", "filter", "show", "dev", "eth0", "ingress"}) +
         run({"tc", "filter", "show", "dev", "eth0", "egress"}) + run({"ip", "-4", "addr"}) +
         run({"ip", "link"}) + run({"ip", "-4", "route", "show", "table", "all"});
}

std::vector<std::string> execute_records(int network_namespace,
                                         const std::vector<kinds::UndoRecord>& records) {
  std::vector<std::string> said;
  inside(network_namespace, [&] {
    kinds::HostEnv env;
    env.host = "a";
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      const agent::UndoResult result = agent::execute_undo(*record, env);
      EXPECT_TRUE(result.done) << result.detail;
      said.push_back(result.detail);
    }
  });
  return said;
}

std::vector<kinds::UndoRecord> inject_and_die(const NetemPair& pair, const kinds::FaultKind& kind,
                                              const spec::Parameters& parameters) {
  Pipe pipe = make_pipe();
  const pid_t child = check("fork", ::fork());
  if (child == 0) {
    try {
      RunningFault fault = pair.fault(kind, parameters);
      boost::json::array records;
      for (const auto& record : fault.records()) records.push_back(record);
      const std::string text = boost::json::serialize(records) + "\n";
      fault.inject();
      check("write", ::write(pipe.write_end.get(), text.data(), text.size()));
      for (;;) ::pause();
    } catch (const std::exception& error) {
      fmt::print(stderr, "{}\n", error.what());
    }
    ::_exit(1);
  }
  pipe.write_end.reset();
  std::string text;
  char byte = 0;
  while (::read(pipe.read_end.get(), &byte, 1) == 1 && byte != '\n') text += byte;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  std::vector<kinds::UndoRecord> records;
  if (text.empty()) return records;
  const boost::json::value parsed = boost::json::parse(text);
  for (const auto& record : parsed.as_array()) records.push_back(record.as_object());
  return records;
}

}  // namespace nospof::test
