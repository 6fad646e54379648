// Faults on a whole host, carried out from outside of it: freeze, isolate, reboot.

#include "agent/journal.hpp"
#include "lab_agent.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

class HostFault : public LabTest {
 protected:
  /// Whether the kernel of web1 takes a TCP connection from the client.
  static bool accepts(lab::Lab& lab) {
    return run_on(lab, "client", {"timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/198.18.0.21/443"})
               .exit_code == 0;
  }
  /// Whether web1 answers ARP; what the client knew of it is forgotten first.
  static bool answers_arp(lab::Lab& lab) {
    run_on(lab, "client", {"ip", "neigh", "flush", "to", "198.18.0.21"});
    run_on(lab, "client", {"timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/198.18.0.21/443"});
    const std::string known =
        run_on(lab, "client", {"ip", "neigh", "show", "to", "198.18.0.21"}).output;
    return known.find("lladdr") != std::string::npos;
  }
  static json::object on_web1() { return {{"host", "web1"}}; }
  std::string journal(const lab::Lab& lab) const {
    return fmt::format("{}/{}.journal", lab.journal_folder(), hosts::power_host);
  }
  pid_t nginx(const lab::Lab& lab) const {
    return std::stoi(read_file(lab.service_folder("web1") + "/nginx/supervise/pid"));
  }
};

TEST_F(HostFault, AFrozenHostAnswersArpAndSynButServesNobody) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("freeze"));
  ASSERT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  const pid_t before = nginx(*lab);
  LabAgent power(*lab, hosts::power_host);
  for (const char* id : {"first", "second"}) {
    const json::object answer = power.inject(id, "host-freeze", on_web1());
    expect_confirmed(answer);
    EXPECT_THAT(evidence(answer), HasSubstr("processes of web1 stand still"));
    EXPECT_FALSE(serves(*lab, "web1"));
    EXPECT_TRUE(answers_arp(*lab));
    EXPECT_TRUE(accepts(*lab)) << "its kernel still takes connections";
    EXPECT_TRUE(serves(*lab, "web2"));
    EXPECT_THAT(power.refusal("check", LabAgent::request("host-freeze", on_web1())),
                HasSubstr("frozen already"));
    EXPECT_THAT(power.refusal("check", LabAgent::request("host-reboot", on_web1())),
                HasSubstr("frozen already"));
    expect_healed(power.heal(id));
    expect_healed(power.heal(id));
    EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  }
  EXPECT_EQ(nginx(*lab), before);
}

TEST_F(HostFault, AFrozenHostGoesOnWhenWhoFrozeItIsKilled) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("killed"));
  auto power = std::make_unique<LabAgent>(*lab, hosts::power_host);
  const auto first = read_process(power->understudy());
  ASSERT_TRUE(first);
  expect_confirmed(power->inject("one", "host-freeze", on_web1()));
  power->kill();
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));

  // Understudy as well: nobody is left but the keeper.
  ASSERT_TRUE(eventually(20s, [&] { return !is_alive(first->id); }));
  EXPECT_TRUE(agent::Journal::peek(journal(*lab)).open.empty());
  power = std::make_unique<LabAgent>(*lab, hosts::power_host);
  const pid_t understudy = power->understudy();
  expect_confirmed(power->inject("two", "host-freeze", on_web1()));
  const auto stand_in = read_process(understudy);
  ASSERT_TRUE(stand_in);
  ASSERT_TRUE(send_signal(stand_in->id, SIGSTOP));
  power->kill();
  ASSERT_TRUE(send_signal(stand_in->id, SIGKILL));
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  agent::AgentOptions options;
  options.host = hosts::power_host;
  options.journal = journal(*lab);
  options.power = [name = lab->name()] { return hosts::lab_power(name); };
  EXPECT_EQ(run_recovery(options).code, 0);
  EXPECT_TRUE(agent::Journal::peek(journal(*lab)).open.empty());
}

TEST_F(HostFault, NothingHoldsAHostForLongerThanItsTime) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("time"));
  const std::unique_ptr<kinds::HostPower> power = hosts::lab_power(lab->name());
  power->freeze("web1", 300ms);
  power->isolate("web1", 300ms);
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  const kinds::HostCondition after = power->condition("web1");
  EXPECT_FALSE(after.frozen);
  EXPECT_TRUE(after.connected);
  EXPECT_THROW(power->freeze("web9", 1s), Error);
}

TEST_F(HostFault, WhatIsFrozenCanStillBePoweredOffAndTheLabEnded) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("frozen-off"));
  const std::unique_ptr<kinds::HostPower> power = hosts::lab_power(lab->name());
  power->freeze("web1", 1h);
  ASSERT_TRUE(eventually(20s, [&] { return power->condition("web1").frozen; }));
  power->off("web1", 1h);
  power->on("web1");
  EXPECT_FALSE(power->condition("web1").frozen);
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  power->freeze("web2", 1h);
  const std::vector<ProcessId> were = processes(lab->name());
  lab->down();
  expect_nothing_left(lab->name(), were);
}

TEST_F(HostFault, AnIsolatedHostHearsAndSaysNothingButLives) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("isolate"));
  ASSERT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  const pid_t before = nginx(*lab);
  LabAgent power(*lab, hosts::power_host);
  for (const char* id : {"first", "second"}) {
    expect_confirmed(power.inject(id, "host-isolate", on_web1()));
    EXPECT_FALSE(accepts(*lab));
    EXPECT_FALSE(answers_arp(*lab)) << "ARP is cut too";
    EXPECT_EQ(run_on(*lab, "web1", {"cat", "/sys/class/net/eth0/carrier"}).output, "1\n");
    EXPECT_TRUE(serves(*lab, "web2"));
    EXPECT_THAT(power.refusal("check", LabAgent::request("host-isolate", on_web1())),
                HasSubstr("cut off at its switch already"));
    expect_healed(power.heal(id));
    expect_healed(power.heal(id));
    EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  }
  EXPECT_EQ(nginx(*lab), before);
  // A crash in between must not end it.
  const std::unique_ptr<kinds::HostPower> other = hosts::lab_power(lab->name());
  other->isolate("web1", 1h);
  other->off("web1", 1h);
  other->on("web1");
  EXPECT_FALSE(other->condition("web1").connected);
  other->rejoin("web1");
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
}

TEST_F(HostFault, AnIsolatedHostIsBackWhenWhoCutItOffIsKilled) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("cut-killed"));
  LabAgent power(*lab, hosts::power_host);
  expect_confirmed(power.inject("one", "host-isolate", on_web1()));
  power.kill();
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
}

TEST_F(HostFault, ARebootEndsServicesInOrder) {
  TinyTopology topology;
  topology.on_web1 = ", tidy";
  topology.extra = R"(  tidy:
    command: [sh, -c, "trap 'echo ended in order; exit 0' TERM; while :; do sleep 0.05; done"]
    restart: always
)";
  const std::unique_ptr<lab::Lab> lab = up(unique_name("reboot"), true, topology);
  ASSERT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  const std::unique_ptr<kinds::HostPower> watch = hosts::lab_power(lab->name());
  const int boots = watch->condition("web1").boots;
  LabAgent power(*lab, hosts::power_host);
  const json::object answer = power.inject("one", "host-reboot", on_web1());
  expect_confirmed(answer);
  EXPECT_THAT(evidence(answer), HasSubstr("all 2 services ended in order"));
  EXPECT_THAT(read_file(lab->log_folder("web1") + "/tidy.log"), HasSubstr("ended in order"));
  expect_healed(power.heal("one"));
  expect_healed(power.heal("one"));
  EXPECT_EQ(watch->condition("web1").boots, boots + 1);
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
}

TEST_F(HostFault, ARebootDoesNotWaitForEverAndEndsWithoutItsOwner) {
  TinyTopology topology;
  topology.on_web1 = ", stubborn";
  topology.extra = R"(  stubborn:
    command: [sh, -c, "trap '' TERM; while :; do sleep 0.05; done"]
    restart: always
)";
  const std::unique_ptr<lab::Lab> lab = up(unique_name("stubborn"), true, topology);
  const std::unique_ptr<kinds::HostPower> watch = hosts::lab_power(lab->name());
  const int boots = watch->condition("web1").boots;
  {
    const std::unique_ptr<kinds::HostPower> gone = hosts::lab_power(lab->name());
    gone->reboot("web1", 200ms);
    EXPECT_FALSE(gone->is_on("web1"));
  }
  EXPECT_TRUE(eventually(20s, [&] { return watch->condition("web1").boots == boots + 1; }));
  EXPECT_THAT(watch->condition("web1").last_shutdown, HasSubstr("killed: stubborn"));
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
}

}  // namespace
}  // namespace nospof::test
