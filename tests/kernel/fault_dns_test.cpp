#include <filesystem>

#include <sys/mount.h>
#include <sys/stat.h>

#include "fault_network_fixture.hpp"
#include "faults/dns.hpp"
#include "faults/dns_message.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Answers every query with 192.0.2.7, over UDP, as long as it lives.
class NameServer {
 public:
  explicit NameServer(const LinkedHost& host)
      : udp_(host.datagrams(53)), thread_([this] { serve(); }) {}
  ~NameServer() {
    stop_ = true;
    thread_.join();
  }

 private:
  void serve() {
    while (!stop_) {
      if (!is_readable(udp_.get(), 20ms)) continue;
      std::array<char, 1500> block{};
      sockaddr_in client{};
      socklen_t size = sizeof client;
      const ssize_t n = ::recvfrom(udp_.get(), block.data(), block.size(), 0,
                                   reinterpret_cast<sockaddr*>(&client), &size);
      const std::string_view query(block.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
      const auto question = parse_dns_query(query);
      if (!question) continue;
      std::string answer(query.substr(0, question->end));
      answer[2] = '\x81';
      answer[3] = '\x80';
      for (const std::size_t at : {6, 7, 8, 9, 10, 11}) answer[at] = '\0';
      if (question->type == 1) {
        answer[7] = '\1';
        answer += std::string("\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xc0\0\2\7", 16);
      }
      ::sendto(udp_.get(), answer.data(), answer.size(), 0,
               reinterpret_cast<const sockaddr*>(&client), size);
    }
  }

  UniqueFd udp_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// h2 is a name server, and the hosts see an /etc/hosts and an /etc/resolv.conf of the test's own.
class DnsOnLink : public NetworkFault {
 protected:
  static constexpr Kind kind = faults::make_dns;
  static constexpr const char* hosts_text =
      "127.0.0.1 localhost\n"
      "198.18.0.2\tdb1.nospof.test db1 # the database\n"
      "198.18.0.3\tdb2.nospof.test db2\n"
      "# the end, without a line break";

  void SetUp() override {
    NetworkFault::SetUp();
    if (IsSkipped()) return;
    std::string pattern = (std::filesystem::temp_directory_path() / "nospof-dns-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    write("hosts", hosts_text);
    write("resolv.conf", "options timeout:1 attempts:1\nnameserver 198.18.0.2\n");
    in_namespaces({}, [this] {
      check("unshare mounts", ::unshare(CLONE_NEWNS));
      check("private", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
      for (const char* name : {"hosts", "resolv.conf"}) {
        const std::string target =
            std::filesystem::weakly_canonical(std::string("/etc/") + name).string();
        check("bind " + target,
              ::mount((folder_ + "/" + name).c_str(), target.c_str(), nullptr, MS_BIND, nullptr));
      }
      mounts_ = open_own_namespace(CLONE_NEWNS);
    });
    server_ = std::make_unique<NameServer>(h2());
  }
  void TearDown() override {
    server_.reset();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  void write(const std::string& name, const std::string& text) const {
    const UniqueFd fd = open_file(folder_ + "/" + name, O_WRONLY | O_CREAT | O_TRUNC);
    write_all(fd.get(), text, name);
  }

  /// What a program finds out about a name on h1, and how long it took.
  struct Lookup {
    std::string found;
    std::chrono::milliseconds took;
  };
  Lookup look_up(const std::string& name) {
    SpawnOptions options;
    options.argv = {"getent", "ahostsv4", name};
    options.namespaces = {{h1().namespace_fd(), CLONE_NEWNET}, {mounts_.get(), CLONE_NEWNS}};
    const auto begin = std::chrono::steady_clock::now();
    const CommandResult result = run_command(options, arrival);
    return {result.output, std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::steady_clock::now() - begin)};
  }
  bool resolves(const std::string& name) {
    return look_up(name).found.find("192.0.2.7") != std::string::npos;
  }

  static spec::Parameters with(const std::string& mode, const Names& names = {}) {
    spec::Parameters parameters{{"mode", mode}};
    if (!names.empty()) parameters["names"] = names;
    return parameters;
  }

  std::string folder_;
  std::unique_ptr<NameServer> server_;
};

TEST_F(DnsOnLink, NoSuchNameForThoseMeantOnly) {
  ASSERT_TRUE(resolves("api.example.org"));
  const std::string before = snapshot(h1());
  auto faults = inject(kind, {"h1"}, with("nxdomain", {"*.example.org"}));
  EXPECT_FALSE(resolves("api.example.org"));
  EXPECT_FALSE(resolves("API.Example.ORG"));
  EXPECT_TRUE(resolves("api.example.com")) << "sent on to the real server";
  EXPECT_THAT(look_up("db1").found, HasSubstr("198.18.0.2"));
  heal(faults);
  EXPECT_TRUE(resolves("api.example.org"));
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(DnsOnLink, NoAnswerAtAll) {
  auto faults = inject(kind, {"h1"}, with("timeout"));
  const Lookup lookup = look_up("api.example.org");
  EXPECT_EQ(lookup.found, "");
  EXPECT_GE(lookup.took, 1000ms) << "the resolver's own time-out";
  heal(faults);
  EXPECT_TRUE(resolves("api.example.org"));
}

TEST_F(DnsOnLink, SlowButRight) {
  spec::Parameters parameters = with("slow", {"api.example.org"});
  parameters["delay"] = spec::Duration(400ms);
  auto faults = inject(kind, {"h1"}, parameters);
  const Lookup lookup = look_up("api.example.org");
  EXPECT_THAT(lookup.found, HasSubstr("192.0.2.7"));
  EXPECT_GE(lookup.took, 400ms);
  heal(faults);
}

TEST_F(DnsOnLink, ASocketThatIsUsedAlreadyIsHitToo) {
  load(h1(), R"(table ip natted {
    chain out { type nat hook output priority 0; policy accept; }
    chain early {
      type filter hook output priority -400; policy accept; ct state established accept;
    }
  })");
  const UniqueFd fd = h1().datagrams(5353);
  const sockaddr_in to = endpoint(h2().address(), 53);
  check("connect", ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
  const auto ask_code = [&](std::uint16_t id) -> std::optional<int> {
    const std::string query = dns_query(id, "api.example.org");
    ::send(fd.get(), query.data(), query.size(), 0);
    if (!is_readable(fd.get(), 2000ms)) return std::nullopt;
    std::array<char, 1500> block{};
    const ssize_t n = ::recv(fd.get(), block.data(), block.size(), 0);
    return dns_answer_code({block.data(), n > 0 ? static_cast<std::size_t>(n) : 0}, id);
  };
  ASSERT_EQ(ask_code(1), 0);
  const std::string before = snapshot(h1());
  auto faults = inject(kind, {"h1"}, with("nxdomain"));
  EXPECT_EQ(ask_code(2), 3);
  heal(faults);
  EXPECT_EQ(ask_code(3), 0);
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(DnsOnLink, OverTcpToo) {
  const UniqueFd upstream = h2().listen(53);
  auto faults = inject(kind, {"h1"}, with("nxdomain", {"api.example.org"}));
  const UniqueFd client = dial_until_open(h1(), h2().address(), 53);
  ASSERT_TRUE(client);
  const std::string query = dns_query(7, "api.example.org");
  const std::string framed = std::string{'\0', static_cast<char>(query.size())} + query;
  ::send(client.get(), framed.data(), framed.size(), 0);
  ASSERT_TRUE(is_readable(client.get(), arrival));
  std::array<char, 1500> block{};
  const ssize_t n = ::recv(client.get(), block.data(), block.size(), 0);
  ASSERT_GT(n, 2);
  EXPECT_EQ(dns_answer_code({block.data() + 2, static_cast<std::size_t>(n - 2)}, 7), 3);
  const std::string other = dns_query(8, "api.example.com");
  const std::string sent = std::string{'\0', static_cast<char>(other.size())} + other;
  ::send(client.get(), sent.data(), sent.size(), 0);
  ASSERT_TRUE(is_readable(upstream.get(), arrival));
  const UniqueFd relayed(::accept4(upstream.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(is_readable(relayed.get(), arrival));
  EXPECT_EQ(::recv(relayed.get(), block.data(), block.size(), 0),
            static_cast<ssize_t>(sent.size()));
  heal(faults);
}

TEST_F(DnsOnLink, RefusesAHostThatAsksNobody) {
  EXPECT_THAT(refusal([&] { prepare(kind, {"h1"}, with("nxdomain", {"db1"})); }),
              HasSubstr("asks no name server for db1, which its /etc/hosts tells"));
  write("resolv.conf", "# none\n");
  EXPECT_THAT(refusal([&] { prepare(kind, {"h1"}, with("nxdomain")); }),
              HasSubstr("host 'h1' asks no name server"));
  write("resolv.conf", "nameserver fe80::1\n");
  EXPECT_THAT(refusal([&] { prepare(kind, {"h1"}, with("nxdomain")); }),
              HasSubstr("only IPv4 ones"));
}

TEST_F(DnsOnLink, ResolverTwiceAndAfterTheDeathOfItsOwner) {
  auto faults = inject(kind, {"h1"}, with("nxdomain"));
  EXPECT_THROW(faults[0].thread->run([&] { faults[0].injection->inject(); }), Error);
  heal(faults);
  heal(faults);
  expect_recovered_after_death(h1(), kind, placement(kind, "h1", with("timeout")));
  EXPECT_TRUE(resolves("api.example.org"));
}

TEST_F(DnsOnLink, NamesOfTheFileAreGoneAndComeBackToTheByte) {
  ASSERT_THAT(look_up("db1").found, HasSubstr("198.18.0.2"));
  check("chmod", ::chmod((folder_ + "/hosts").c_str(), 0640));
  struct stat before {};
  check("stat", ::stat((folder_ + "/hosts").c_str(), &before));
  spec::Parameters parameters = with("nxdomain", {"db1", "db1.nospof.test"});
  parameters["source"] = std::string("hosts");
  auto faults = inject(kind, {"h1"}, parameters);
  EXPECT_THAT(look_up("db1").found, Not(HasSubstr("198.18.0.2")));
  EXPECT_THAT(look_up("db2").found, HasSubstr("198.18.0.3"));
  EXPECT_THAT(look_up("localhost").found, HasSubstr("127.0.0.1"));
  heal(faults);
  heal(faults);
  EXPECT_THAT(look_up("db1").found, HasSubstr("198.18.0.2"));
  struct stat after {};
  check("stat", ::stat((folder_ + "/hosts").c_str(), &after));
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_EQ(read_file(folder_ + "/hosts"), hosts_text);
}

TEST_F(DnsOnLink, TheFileIsRecoveredAfterTheDeathOfTheOwnerButNotOverSomebodyElses) {
  const boost::json::object parameters{{"source", "hosts"}, {"names", {"db2"}}};
  Owner owner = start_owner(h1(), kind, parameters);
  kill(owner);
  EXPECT_THAT(look_up("db2").found, Not(HasSubstr("198.18.0.3")));
  const std::string placed = read_file(folder_ + "/hosts");
  write("hosts", std::string(hosts_text).substr(0, 80) + placed.substr(80));
  recover(h1(), owner.records);
  EXPECT_EQ(read_file(folder_ + "/hosts"), hosts_text) << "half written, too";
  recover(h1(), owner.records);
  write("hosts", "198.18.0.9 other\n");
  kinds::HostEnv env{.host = "h1"};
  const auto result =
      thread_of(h1()).run([&] { return agent::execute_undo(owner.records[0].as_object(), env); });
  EXPECT_FALSE(result.done);
  EXPECT_THAT(result.detail, HasSubstr("somebody else"));
  EXPECT_EQ(read_file(folder_ + "/hosts"), "198.18.0.9 other\n");
}

TEST_F(DnsOnLink, RefusesAFileThatDoesNotTellTheName) {
  spec::Parameters parameters = with("nxdomain", {"nobody"});
  parameters["source"] = std::string("hosts");
  EXPECT_THAT(refusal([&] { prepare(kind, {"h1"}, parameters); }),
              HasSubstr("tells none of nobody"));
}

}  // namespace
}  // namespace nospof::test
