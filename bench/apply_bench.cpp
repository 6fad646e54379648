// How long it takes to put a fault in force and take it back: as nospof's agent does it, beside the
// programs that others start for it. One line for each, and what the second costs in terms of the
// first.
//
// bench_apply [BLOCKS]   (as root; everything happens in network namespaces made for it)

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/undo.hpp"
#include "faults/bandwidth.hpp"
#include "faults/partition.hpp"
#include "kinds/fault.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netfilter.hpp"
#include "system/netlink.hpp"
#include "system/nftables.hpp"
#include "system/process.hpp"

namespace {

using namespace nospof;
using namespace std::chrono_literals;
using Work = std::function<void()>;
using Commands = std::vector<std::vector<std::string>>;

constexpr int ours_in_block = 25;

/// What each of many rounds took, in microseconds.
class Cost {
 public:
  void add(const Work& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    each_.push_back(took.count());
  }
  double part(double share) const {
    std::vector<double> sorted = each_;
    std::sort(sorted.begin(), sorted.end());
    return sorted.at(static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * share));
  }
  double median() const { return part(0.5); }
  double best() const { return part(0); }  ///< when nothing else was done on the machine

 private:
  std::vector<double> each_;
};

void run_program(const std::vector<std::string>& argv) {
  SpawnOptions options;
  options.argv = argv;
  Child child = spawn(options);
  const auto status = child.wait(10s);
  if (!status || *status != 0) throw Error(fmt::format("{} failed", argv[0]));
}

/// One way to do it, prepared for many rounds at once.
struct Ours {
  std::function<void(int rounds)> prepare;
  Work work;
};

struct Names {
  std::string ours;
  std::string theirs;
  double goal = 0;  ///< times; 0: none
};

/// Ours many times, then theirs once, and so on, so that both see the same machine.
void compare(const Names& names, int blocks, const Ours& ours, const Commands& theirs) {
  Cost our_cost;
  Cost their_cost;
  for (int i = 0; i < blocks; ++i) {
    // The first one of a block finds cold caches, and whatever is left of what theirs has started.
    ours.prepare(1 + ours_in_block);
    ours.work();
    for (int j = 0; j < ours_in_block; ++j) our_cost.add(ours.work);
    their_cost.add([&] {
      for (const auto& argv : theirs) run_program(argv);
    });
  }
  fmt::print(
      "{:<46} median {:>6.1f} us, best {:>6.1f} | {:<25} {:>7.0f} us, best {:>6.0f} | {:>5.0f} "
      "times, best {:>5.0f}{}\n",
      names.ours, our_cost.median(), our_cost.best(), names.theirs, their_cost.median(),
      their_cost.best(), their_cost.median() / our_cost.median(),
      their_cost.best() / our_cost.best(),
      names.goal > 0 ? fmt::format(", goal {:.0f}", names.goal) : std::string());
  std::fflush(stdout);
}

/// A namespace under a name, as ip(8) wants it; the folder of names is this process's own.
class NamedNamespace {
 public:
  explicit NamedNamespace(const std::string& name) : path_("/run/netns/" + name) {
    check("unshare mounts", ::unshare(CLONE_NEWNS));
    check("make mounts private", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    check("hide /run", ::mount("tmpfs", "/run", "tmpfs", 0, "mode=755"));
    ::mkdir("/run/netns", 0755);
    file_ = create_network_namespace();
    open_file(path_, O_WRONLY | O_CREAT);
    const std::string from = fmt::format("/proc/self/fd/{}", file_.get());
    check("name the namespace", ::mount(from.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr));
    Netlink net = Netlink::in(file_.get());
    net.add_veth({.name = "eth0",
                  .master = "",
                  .peer_name = "eth1",
                  .peer_mac = "",
                  .peer_namespace_fd = other_end_.get()});
    net.set_up("eth0", true);
    Netlink::in(other_end_.get()).set_up("eth1", true);
  }
  int fd() const { return file_.get(); }

 private:
  std::string path_;
  UniqueFd file_;
  UniqueFd other_end_ = create_network_namespace();
};

/// A fault as the agent carries it out: checked before, then injected, released and undone by its
/// records.
class FaultRounds {
 public:
  FaultRounds(std::unique_ptr<kinds::FaultKind> kind, const boost::json::object& parameters)
      : kind_(std::move(kind)), fault_(kind_->make(parameters)) {}

  Ours heal_by_records() {
    return {[this](int rounds) { prepare(rounds); },
            [this] {
              Round& round = rounds_.at(next_++);
              round.injection->inject();
              round.injection->release();
              for (const kinds::UndoRecord& record : round.records)
                if (!agent::execute_undo(record, env_).done) throw Error("it was not undone");
            }};
  }
  /// For those whose records only look whether all is gone when it has been released.
  Ours heal_by_release() {
    return {[this](int rounds) { prepare(rounds); },
            [this] {
              Round& round = rounds_.at(next_++);
              round.injection->inject();
              round.injection->release();
            }};
  }

 private:
  struct Round {
    std::unique_ptr<kinds::Injection> injection;
    std::vector<kinds::UndoRecord> records;
  };
  void prepare(int rounds) {
    rounds_.clear();
    next_ = 0;
    for (int i = 0; i < rounds; ++i) {
      Round round;
      round.injection = fault_->prepare(env_);
      round.records = round.injection->undo();
      rounds_.push_back(std::move(round));
    }
    // Until the kernel has cleared away the namespaces in which it was tried.
    std::this_thread::sleep_for(200ms);
  }

  kinds::HostEnv env_{.host = "bench"};
  std::unique_ptr<kinds::FaultKind> kind_;
  std::unique_ptr<kinds::Fault> fault_;
  std::vector<Round> rounds_;
  std::size_t next_ = 0;
};

Commands in_namespace(const std::vector<std::string>& first,
                      const std::vector<std::string>& second) {
  Commands commands;
  for (const auto& argv : {first, second}) {
    commands.push_back({"ip", "netns", "exec", "bench"});
    commands.back().insert(commands.back().end(), argv.begin(), argv.end());
  }
  return commands;
}

std::string written(const std::string& path, const std::string& text) {
  write_all(open_file(path, O_WRONLY | O_CREAT | O_TRUNC).get(), text, path);
  return path;
}

Commands nft_files(const std::string& add, const std::string& remove) {
  return in_namespace({"nft", "-f", written("/run/add.nft", add)},
                      {"nft", "-f", written("/run/remove.nft", remove)});
}

void bench_bandwidth(int blocks) {
  FaultRounds rounds(faults::make_bandwidth(),
                     {{"rate_bits", 10'000'000}, {"burst", 15'000}, {"limit", 77'500}});
  const Commands theirs = in_namespace({"tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate",
                                        "10mbit", "burst", "15000", "limit", "77500"},
                                       {"tc", "qdisc", "del", "dev", "eth0", "root"});
  compare({"bandwidth: qdisc tbf", "2 x ip netns exec tc", 250}, blocks, rounds.heal_by_records(),
          theirs);
}

// A host with one device drops everything, both ways.
void bench_partition(int blocks) {
  const boost::json::object parameters{
      {"direction", "both"},
      {"everybody", true},
      {"peers", boost::json::array{{{"address", "198.18.0.2"}, {"mac", ""}}}}};
  const auto chain = [](const char* name, const char* hook) {
    return fmt::format(
        "chain {} {{ type filter hook {} device \"eth0\" priority -2147483648; policy accept; "
        "counter drop; }}\n",
        name, hook);
  };
  const Commands theirs = nft_files(
      "table netdev bench {\n" + chain("in_2", "ingress") + chain("out_2", "egress") + "}\n",
      "delete table netdev bench\n");
  {
    FaultRounds rounds(faults::make_partition(), parameters);
    compare({"partition: table of two chains", "2 x ip netns exec nft -f", 100}, blocks,
            rounds.heal_by_release(), theirs);
  }
  FaultRounds rounds(faults::make_partition(), parameters);
  compare({"the same, and a look that the table is gone", "2 x ip netns exec nft -f", 0}, blocks,
          rounds.heal_by_records(), theirs);
}

/// An address in a set of a table that is there.
class SetElement {
 public:
  SetElement() {
    NftContext().run(
        "table ip nospof_set { set peers { type ipv4_addr; }; chain in { type filter hook "
        "input priority -300; policy accept; ip saddr @peers drop; }; }");
    add_ = command(NFT_MSG_NEWSETELEM);
    remove_ = command(NFT_MSG_DELSETELEM);
  }
  void add_and_remove() {
    socket_.transaction("add an element", add_);
    socket_.transaction("delete an element", remove_);
  }

 private:
  static NetfilterMessages command(unsigned number) {
    in_addr peer{};
    ::inet_pton(AF_INET, "198.18.0.7", &peer);
    NetfilterMessages messages;
    messages.begin(NFNL_SUBSYS_NFTABLES, number, NFPROTO_IPV4, NLM_F_CREATE);
    messages.text(NFTA_SET_ELEM_LIST_TABLE, "nospof_set");
    messages.text(NFTA_SET_ELEM_LIST_SET, "peers");
    messages.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    messages.nest(NFTA_LIST_ELEM);
    messages.nest(NFTA_SET_ELEM_KEY);
    messages.attribute(NFTA_DATA_VALUE, {reinterpret_cast<const char*>(&peer), sizeof peer});
    for (int i = 0; i < 3; ++i) messages.end();
    messages.acknowledge_last();
    return messages;
  }

  NetfilterSocket socket_;
  NetfilterMessages add_, remove_;
};

void bench_set_element(int blocks) {
  SetElement element;
  compare({"set element, table there", "2 x ip netns exec nft -f", 1000}, blocks,
          {[](int) {}, [&] { element.add_and_remove(); }},
          nft_files("add element ip nospof_set peers { 198.18.0.7 }\n",
                    "delete element ip nospof_set peers { 198.18.0.7 }\n"));
}

void bench_signal(int blocks) {
  SpawnOptions options;
  options.argv = {"sleep", "1000"};
  options.parent_death_signal = SIGKILL;
  Child target = spawn(options);
  const auto state = read_process(target.pid());
  if (!state) throw Error("the process to be signalled is gone");
  const Commands theirs = {{"kill", "-CONT", std::to_string(target.pid())}};
  compare({"signal, process looked up and compared", "kill", 0}, blocks,
          {[](int) {}, [&] { send_signal(state->id, SIGCONT); }}, theirs);
  compare({"signal by a pidfd that is held", "kill", 500}, blocks,
          {[](int) {}, [&] { target.signal(SIGCONT); }}, theirs);
}

}  // namespace

int main(int argc, char** argv) {
  const int blocks = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 40;
  try {
    const NamedNamespace host("bench");
    in_namespaces({{host.fd(), CLONE_NEWNET}}, [&] {
      bench_bandwidth(blocks);
      bench_partition(blocks);
      bench_set_element(blocks);
      bench_signal(blocks);
    });
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
