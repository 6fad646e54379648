// Each restart policy against each way to end, with a real runit: does it do what systemd would?

#include <sys/stat.h>

#include "tests/kernel/services_fixture.hpp"

namespace nospof::lab {
namespace {

using spec::RestartPolicy;
using test::eventually;
using test::Supervised;

enum class End { kill, segv, term, hup, exit_0, exit_1 };

struct Case {
  RestartPolicy policy;
  End end;
  bool restarted;  ///< systemd.service(5), the table of Restart=
};

const char* name_of(RestartPolicy policy) {
  switch (policy) {
    case RestartPolicy::no:
      return "no";
    case RestartPolicy::on_failure:
      return "on-failure";
    case RestartPolicy::on_abnormal:
      return "on-abnormal";
    case RestartPolicy::on_abort:
      return "on-abort";
    case RestartPolicy::always:
      return "always";
  }
  return "?";
}

const char* name_of(End end) {
  switch (end) {
    case End::kill:
      return "kill";
    case End::segv:
      return "segv";
    case End::term:
      return "term";
    case End::hup:
      return "hup";
    case End::exit_0:
      return "exit-0";
    case End::exit_1:
      return "exit-1";
  }
  return "?";
}

constexpr Case cases[] = {
    {RestartPolicy::no, End::kill, false},
    {RestartPolicy::no, End::segv, false},
    {RestartPolicy::no, End::term, false},
    {RestartPolicy::no, End::hup, false},
    {RestartPolicy::no, End::exit_0, false},
    {RestartPolicy::no, End::exit_1, false},
    {RestartPolicy::on_failure, End::kill, true},
    {RestartPolicy::on_failure, End::segv, true},
    {RestartPolicy::on_failure, End::term, false},
    {RestartPolicy::on_failure, End::hup, false},
    {RestartPolicy::on_failure, End::exit_0, false},
    {RestartPolicy::on_failure, End::exit_1, true},
    {RestartPolicy::on_abnormal, End::kill, true},
    {RestartPolicy::on_abnormal, End::segv, true},
    {RestartPolicy::on_abnormal, End::term, false},
    {RestartPolicy::on_abnormal, End::hup, false},
    {RestartPolicy::on_abnormal, End::exit_0, false},
    {RestartPolicy::on_abnormal, End::exit_1, false},
    {RestartPolicy::on_abort, End::kill, true},
    {RestartPolicy::on_abort, End::segv, true},
    {RestartPolicy::on_abort, End::term, false},
    {RestartPolicy::on_abort, End::hup, false},
    {RestartPolicy::on_abort, End::exit_0, false},
    {RestartPolicy::on_abort, End::exit_1, false},
    {RestartPolicy::always, End::kill, true},
    {RestartPolicy::always, End::segv, true},
    {RestartPolicy::always, End::term, true},
    {RestartPolicy::always, End::hup, true},
    {RestartPolicy::always, End::exit_0, true},
    {RestartPolicy::always, End::exit_1, true},
};

std::string service_of(const Case& c) {
  return std::string(name_of(c.policy)) + "-" + name_of(c.end);
}

class RestartPolicies : public Supervised {
 protected:
  // It ends with the code that it reads from its pipe, or by a signal while it waits for one.
  void add_case(const Case& c) {
    const std::string name = service_of(c);
    const std::string pipe = folder_ / (name + ".pipe");
    check("mkfifo", ::mkfifo(pipe.c_str(), 0600));
    add(plan(name, {"bash", "-c", "read -r code <\"$0\"; exit \"$code\"", pipe}, c.policy));
  }

  void end(const Case& c, const ProcessId& main) {
    switch (c.end) {
      case End::kill:
        ASSERT_TRUE(send_signal(main, SIGKILL));
        return;
      case End::segv:
        ASSERT_TRUE(send_signal(main, SIGSEGV));
        return;
      case End::term:
        ASSERT_TRUE(send_signal(main, SIGTERM));
        return;
      case End::hup:
        ASSERT_TRUE(send_signal(main, SIGHUP));
        return;
      case End::exit_0:
      case End::exit_1: {
        const std::string pipe = folder_ / (service_of(c) + ".pipe");
        // Not before bash reads: opening for writing waits for the reader.
        const UniqueFd fd = open_file(pipe, O_RDWR);
        write_all(fd.get(), c.end == End::exit_0 ? "0\n" : "1\n", pipe);
        ASSERT_TRUE(eventually([&] { return !is_alive(main); })) << service_of(c);
        return;
      }
    }
  }
};

TEST_F(RestartPolicies, do_what_systemd_does) {
  for (const Case& c : cases) add_case(c);
  start();
  std::map<std::string, ProcessId> first;
  for (const Case& c : cases) first[service_of(c)] = running(service_of(c), "bash");
  for (const Case& c : cases) end(c, first[service_of(c)]);
  for (const Case& c : cases) {
    const std::string name = service_of(c);
    if (c.restarted) {
      EXPECT_NE(running(name, "bash", first[name]).pid, 0);
      EXPECT_EQ(state(name), "run") << name;
    } else {
      EXPECT_TRUE(eventually([&] { return is_down(name); })) << name << " is " << state(name);
    }
  }
}

TEST_F(RestartPolicies, held_down_stays_down_until_started_again) {
  const Case held{RestartPolicy::always, End::kill, false};
  add_case(held);
  start();
  const std::string name = service_of(held);
  const ProcessId first = running(name, "bash");
  control(name, "o");
  ASSERT_TRUE(eventually([&] { return state(name) == "run, want down"; })) << state(name);
  EXPECT_TRUE(is_alive(first)) << "holding down does not end it";
  ASSERT_TRUE(send_signal(first, SIGKILL));
  EXPECT_TRUE(eventually([&] { return is_down(name); })) << state(name);
  control(name, "u");
  const ProcessId second = running(name, "bash", first);
  EXPECT_TRUE(send_signal(second, SIGKILL));
  EXPECT_NE(running(name, "bash", second).pid, 0) << "back under normal supervision";
}

TEST_F(RestartPolicies, started_again_after_its_policy_left_it_down) {
  const Case left{RestartPolicy::no, End::kill, false};
  add_case(left);
  start();
  const std::string name = service_of(left);
  const ProcessId first = running(name, "bash");
  ASSERT_TRUE(send_signal(first, SIGKILL));
  ASSERT_TRUE(eventually([&] { return is_down(name); })) << state(name);
  control(name, "u");
  const ProcessId second = running(name, "bash", first);
  ASSERT_TRUE(send_signal(second, SIGKILL));
  EXPECT_TRUE(eventually([&] { return is_down(name); })) << state(name);
}

TEST_F(RestartPolicies, too_many_starts_leave_it_down_until_started_again) {
  const Case limited{RestartPolicy::always, End::kill, true};
  const std::string name = service_of(limited);
  ServicePlan service = plan(name, {"sleep", "999"}, limited.policy);
  service.start_limit_burst = 3;
  service.start_limit_interval = std::chrono::hours(1);
  add(service);
  start();
  ProcessId main = running(name, "sleep");
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(send_signal(main, SIGKILL));
    main = running(name, "sleep", main);
  }
  ASSERT_TRUE(send_signal(main, SIGKILL));
  EXPECT_TRUE(eventually([&] { return is_down(name); })) << state(name);
  // Somebody starting it by hand begins anew.
  control(name, "u");
  main = running(name, "sleep", main);
  ASSERT_TRUE(send_signal(main, SIGKILL));
  EXPECT_NE(running(name, "sleep", main).pid, 0);
}

TEST_F(RestartPolicies, the_kill_mode_decides_on_what_the_main_process_leaves_behind) {
  const std::string script = "sleep 998 & exec sleep 999";
  for (const auto& [name, mode] :
       {std::pair{"group", spec::KillMode::control_group},
        std::pair{"mixed", spec::KillMode::mixed}, std::pair{"process", spec::KillMode::process}}) {
    ServicePlan service = plan(name, {"bash", "-c", script}, RestartPolicy::no);
    service.kill_mode = mode;
    add(service);
  }
  start();
  for (const std::string name : {"group", "mixed", "process"}) {
    const ProcessId main = running(name, "sleep");
    const std::string group = cgroup_ + "/svc-" + name;
    ASSERT_TRUE(eventually([&] { return cgroup_members(group).size() == 2; })) << name;
    ASSERT_TRUE(send_signal(main, SIGKILL));
    EXPECT_TRUE(eventually([&] { return is_down(name); })) << state(name);
    EXPECT_EQ(cgroup_members(group).size(), name == "process" ? 1U : 0U) << name;
  }
}

TEST_F(RestartPolicies, stopping_is_no_failure) {
  const Case stopped{RestartPolicy::always, End::term, false};
  add_case(stopped);
  start();
  const std::string name = service_of(stopped);
  running(name, "bash");
  control(name, "d");
  EXPECT_TRUE(eventually([&] { return is_down(name); })) << state(name);
}

}  // namespace
}  // namespace nospof::lab
