// Power of a lab's hosts: nothing leaks out when it is cut, and it always comes back.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "hosts/transport.hpp"
#include "lab_fixture.hpp"
#include "system/lab_guard.hpp"
#include "system/namespaces.hpp"

namespace nospof::test {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t web1_address = 0xC6120015;  // 198.18.0.21

// A connection to web1's web server, opened from inside the client.
UniqueFd connect_to_web1(lab::Lab& lab) {
  UniqueFd connection;
  const lab::HostNamespaces client = lab.enter("client");
  for (const NamespaceFd& ns : client.list()) {
    if (ns.type != CLONE_NEWNET) continue;
    in_namespaces({ns}, [&connection] {
      require_reachable("198.18.0.21");
      connection = UniqueFd(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(443);
      address.sin_addr.s_addr = htonl(web1_address);
      check(
          "connect to web1",
          ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
    });
  }
  return connection;
}

int tcp_state(const UniqueFd& connection) {
  tcp_info info{};
  socklen_t size = sizeof info;
  check("getsockopt TCP_INFO", ::getsockopt(connection.get(), IPPROTO_TCP, TCP_INFO, &info, &size));
  return info.tcpi_state;
}

const lab::HostStatus& of(const std::vector<lab::HostStatus>& hosts, const std::string& name) {
  for (const lab::HostStatus& host : hosts)
    if (host.name == name) return host;
  throw Error("no host " + name);
}

bool is_on(lab::Lab& lab, const std::string& host) {
  return of(lab.status(), host).on;
}

}  // namespace

using LabPower = LabTest;

TEST_F(LabPower, CutPowerSaysNoFarewell) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("farewell"));
  const UniqueFd connection = connect_to_web1(*lab);
  ASSERT_EQ(tcp_state(connection), TCP_ESTABLISHED);
  const std::vector<pid_t> daemons = cgroup_members(lab->cgroup_folder("web1"));
  std::vector<ProcessId> were;
  for (const pid_t pid : daemons)
    if (const auto state = read_process(pid)) were.push_back(state->id);
  ASSERT_FALSE(were.empty());
  lab->power_off("web1", 60s);
  // Everything is dead already, so whatever was to leak out has done so.
  EXPECT_EQ(alive(were), 0U);
  EXPECT_EQ(tcp_state(connection), TCP_ESTABLISHED);
  EXPECT_FALSE(serves(*lab, "web1"));
  EXPECT_TRUE(serves(*lab, "web2"));
}

// That the test above could see a farewell.
TEST_F(LabPower, AKilledDaemonDoesSayFarewell) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("killed"));
  const UniqueFd connection = connect_to_web1(*lab);
  ASSERT_EQ(tcp_state(connection), TCP_ESTABLISHED);
  kill_cgroup(lab->cgroup_folder("web1") + "/svc-nginx");
  EXPECT_TRUE(eventually(10s, [&] { return tcp_state(connection) != TCP_ESTABLISHED; }));
}

TEST_F(LabPower, BootsAgainWithItsDataButNothingElse) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("boot"));
  const std::string host = layout(lab->name()).host("web1").folder;
  const std::string mac = lab->mac("web1");
  const std::string kept = lab->data_folder("web1") + "/kept";
  ASSERT_EQ(run_on(*lab, "web1", {"sh", "-c", "printf kept >" + kept}).exit_code, 0);
  write_file(host + "/etc/nginx.conf", "garbage");
  ASSERT_EQ(run_on(*lab, "web1", {"touch", "/run/gone", "/tmp/gone"}).exit_code, 0);
  write_file(lab->log_folder("web1") + "/nginx.log", "before the crash\n");
  freeze_cgroup(lab->cgroup_folder("web1") + "/svc-nginx", true);
  const pid_t first = of(lab->status(), "web1").init_pid;

  lab->power_off("web1", 60s);
  EXPECT_FALSE(is_on(*lab, "web1"));
  EXPECT_THROW(lab->enter("web1"), Error);
  lab->power_on("web1");
  EXPECT_TRUE(is_on(*lab, "web1"));
  EXPECT_NE(of(lab->status(), "web1").init_pid, first);
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));

  EXPECT_EQ(run_on(*lab, "web1", {"cat", kept}).output, "kept");
  EXPECT_NE(run_on(*lab, "web1", {"test", "-e", "/run/gone"}).exit_code, 0);
  EXPECT_NE(run_on(*lab, "web1", {"test", "-e", "/tmp/gone"}).exit_code, 0);
  EXPECT_TRUE(read_file(lab->log_folder("web1") + "/nginx.log").starts_with("before the crash"));
  EXPECT_EQ(run_on(*lab, "web1", {"cat", "/sys/class/net/eth0/address"}).output, mac + "\n");
  EXPECT_NO_THROW(lab->power_on("web1")) << "it is on already";
}

TEST_F(LabPower, ComesBackWhenItsTimeIsOver) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("time"));
  lab->power_off("web1", 300ms);
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
}

TEST_F(LabPower, ComesBackWhenTheOneWhoCutItIsGone) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("gone"));
  {
    const std::unique_ptr<kinds::HostPower> power = hosts::lab_power(lab->name());
    EXPECT_TRUE(power->is_on("web1"));
    power->off("web1", 1h);
    power->off("web2", 1h);
    EXPECT_FALSE(power->is_on("web1"));
    EXPECT_THROW(lab->power_off("web1", 1s), Error) << "it is somebody else's";
    power->on("web2");
    EXPECT_TRUE(power->is_on("web2"));
    EXPECT_FALSE(is_on(*lab, "web1"));
  }
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
}

TEST_F(LabPower, AnotherMayGiveItBack) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("other"));
  const std::unique_ptr<kinds::HostPower> power = hosts::lab_power(lab->name());
  power->off("web1", 1h);
  lab->power_on("web1");
  EXPECT_TRUE(power->is_on("web1"));
  EXPECT_THROW(power->off("web9", 1s), Error);
}

TEST_F(LabPower, AHostThatDiesByItselfIsToldAndCanBeBooted) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("died"));
  const lab::HostStatus before = of(lab->status(), "web1");
  const auto init = read_process(before.init_pid);
  ASSERT_TRUE(init);
  send_signal(init->id, SIGKILL);
  ASSERT_TRUE(eventually(20s, [&] { return !is_on(*lab, "web1"); }));
  EXPECT_TRUE(eventually(20s, [&] {
    return of(lab->status(), "web1").detail.find("pid 1 ended by itself") != std::string::npos;
  }));
  lab->power_on("web1");
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
}

TEST_F(LabPower, AgentsAreStartedInsideOfTheirHost) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("agent"));
  const std::vector<std::string> arguments = hosts::lab_agent_arguments(*lab, "web1");
  EXPECT_EQ(arguments[0], "agent");
  EXPECT_EQ(arguments[2], "web1");
  const std::vector<std::string> power = hosts::lab_agent_arguments(*lab, hosts::power_host);
  EXPECT_EQ(power.back(), lab->name());
  const std::unique_ptr<hosts::Transport> transport = hosts::lab_transport(*lab);
  hosts::RemoteProcess process = transport->start("web1", {"--version"});
  std::array<char, 256> answer{};
  const ssize_t n = ::read(process.from_stdout.get(), answer.data(), answer.size());
  ASSERT_GT(n, 0);
  EXPECT_TRUE(std::string(answer.data(), static_cast<std::size_t>(n)).starts_with("nospof "));
  EXPECT_EQ(process.child.wait(20s), 0);
  lab->power_off("web1", 60s);
  EXPECT_THROW(transport->start("web1", {"--version"}), Error);
}

}  // namespace nospof::test
