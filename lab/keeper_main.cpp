#include <cstdio>
#include <exception>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lab/keeper.hpp"
#include "lab/keeper_socket.hpp"
#include "lab/lab.hpp"
#include "lab/record.hpp"
#include "system/check.hpp"

namespace nospof::lab {

// Started with: stdin, a pipe that ends with the one who makes the lab; stdout, a pipe that hears
// "listening"; stderr, the keeper's log.
int keeper_main(const std::string& folder) {
  try {
    const Layout layout{folder};
    const UniqueFd lock = join_folder(layout);
    ::signal(SIGPIPE, SIG_IGN);
    // Run from a descriptor, it would be listed under that descriptor's number.
    ::prctl(PR_SET_NAME, "nospof-keeper");
    const auto self = read_process(::getpid());
    if (!self) throw Error("can't read /proc/self/stat");
    write_keeper(layout, self->id);
    // Its own network namespace is the switch: no address in it, gone when the keeper is.
    // Its own mount namespace holds the hosts' data, as no crash of a host may take it away.
    check("unshare net and mounts", ::unshare(CLONE_NEWNET | CLONE_NEWNS));
    check("make all mounts private", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    // A port outside of the bridge must not get an address by itself and talk to its host.
    for (const char* file : {"/proc/sys/net/ipv6/conf/all/disable_ipv6",
                             "/proc/sys/net/ipv6/conf/default/disable_ipv6"})
      if (::access(file, F_OK) == 0) write_all(open_file(file, O_WRONLY).get(), "1", file);
    // Each host has a table of its connections of its own (Linux 6.1 and newer): who lists them
    // goes through the whole table, and that of the machine may have a million places.
    constexpr const char* table = "/proc/sys/net/ipv4/tcp_child_ehash_entries";
    if (::access(table, F_OK) == 0) write_all(open_file(table, O_WRONLY).get(), "8192", table);
    const SystemClock clock;
    UniqueFd owner(check("dup stdin", ::fcntl(0, F_DUPFD_CLOEXEC, 10)));
    Keeper keeper(read_recipe(layout.recipes_file()), listen_at(layout.keeper_socket()),
                  std::move(owner), clock);
    write_all(1, "listening\n", "pipe to the lab's maker");
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    check("dup2", ::dup2(null.get(), 0));
    check("dup2", ::dup2(2, 1));
    return keeper.run();
  } catch (const std::exception& e) {
    // Its hosts die with it.
    fmt::print(stderr, "keeper: {}\n", e.what());
    return 5;
  }
}

}  // namespace nospof::lab
