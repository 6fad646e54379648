#include "lab/recipe.hpp"

#include <gtest/gtest.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "tests/support/sample_topology.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::lab {

namespace {

HostPlan plan_of(const std::string& host, const Layout& layout) {
  HostPlan plan;
  plan.host = host;
  plan.layout = layout.host(host);
  plan.hosts_file = "127.0.0.1 localhost\n";
  plan.ruleset = "table inet x { }\n";
  ServicePlan service;
  service.name = "web";
  service.command = {"run", "a word", "\"quoted\"", "\n"};
  service.prepare = {{"mkdir", "x"}, {"chown", "y"}};
  service.environment = {{"A", "1"}, {"B", ""}};
  service.user = "www-data";
  service.restart = spec::RestartPolicy::on_abnormal;
  service.restart_delay = std::chrono::milliseconds(1500);
  service.kill_mode = spec::KillMode::process;
  service.start_limit_burst = 7;
  service.start_limit_interval = std::chrono::seconds(30);
  service.stop_signal = "QUIT";
  service.files = {{plan.layout.etc + "/a", "text\n", false}, {plan.layout.etc + "/b", "", true}};
  plan.services = {service};
  return plan;
}

}  // namespace

TEST(Recipe, MacIsMadeFromTheAddress) {
  EXPECT_EQ(mac_of_address("198.18.0.11"), "02:00:c6:12:00:0b");
  EXPECT_EQ(mac_of_address("198.19.255.254"), "02:00:c6:13:ff:fe");
  EXPECT_THROW(mac_of_address("web1"), Error);
}

TEST(Recipe, HasWhatABootNeeds) {
  const Layout layout{"/labs/x"};
  const LabRecipe recipe = make_recipe("x", layout, "/cg/x", test::sample_topology(),
                                       {plan_of("lb1", layout), plan_of("web1", layout)});
  ASSERT_EQ(recipe.hosts.size(), 2U);
  EXPECT_EQ(recipe.hosts[1].fqdn, "web1.nospof.test");
  EXPECT_EQ(recipe.hosts[1].address, "198.18.0.21/24");
  EXPECT_EQ(recipe.hosts[1].mac, "02:00:c6:12:00:15");
  EXPECT_EQ(recipe.hosts[1].cgroup, "/cg/x/web1");
  EXPECT_THROW(make_recipe("x", layout, "/cg/x", test::sample_topology(), {plan_of("no", layout)}),
               Error);
}

TEST(Recipe, PortsOfLongHostNamesStayApartAndFitTheKernel) {
  const Layout layout{"/labs/x"};
  spec::Topology topology = test::sample_topology();
  const std::string common = "database-of-the-north-";
  topology.hosts = {test::sample_host(common + "1", "198.18.0.1", {}),
                    test::sample_host(common + "2", "198.18.0.2", {})};
  const LabRecipe recipe = make_recipe(
      "x", layout, "/cg", topology, {plan_of(common + "1", layout), plan_of(common + "2", layout)});
  EXPECT_NE(recipe.hosts[0].port, recipe.hosts[1].port);
  for (const HostRecipe& host : recipe.hosts) EXPECT_LE(host.port.size(), 15U) << host.port;
}

TEST(Recipe, ComesBackFromItsFileAsItWas) {
  const test::TemporaryFolder folder;
  const Layout layout{"/labs/x"};
  LabRecipe recipe =
      make_recipe("x", layout, "/cg/x", test::sample_topology(), {plan_of("web1", layout)});
  recipe.program = "/opt/nospof";
  write_recipe(folder / "boot.json", recipe);
  const LabRecipe back = read_recipe(folder / "boot.json");
  EXPECT_EQ(back.lab, "x");
  EXPECT_EQ(back.folder, "/labs/x");
  EXPECT_EQ(back.cgroup, "/cg/x");
  EXPECT_EQ(back.program, "/opt/nospof");
  ASSERT_EQ(back.hosts.size(), 1U);
  const HostRecipe& host = back.hosts[0];
  EXPECT_EQ(host.fqdn, recipe.hosts[0].fqdn);
  EXPECT_EQ(host.address, recipe.hosts[0].address);
  EXPECT_EQ(host.mac, recipe.hosts[0].mac);
  EXPECT_EQ(host.cgroup, recipe.hosts[0].cgroup);
  EXPECT_EQ(host.port, recipe.hosts[0].port);
  EXPECT_EQ(host.plan.layout.sv, "/labs/x/hosts/web1/sv");
  EXPECT_EQ(host.plan.hosts_file, recipe.hosts[0].plan.hosts_file);
  EXPECT_EQ(host.plan.ruleset, recipe.hosts[0].plan.ruleset);
  ASSERT_EQ(host.plan.services.size(), 1U);
  const ServicePlan& is = host.plan.services[0];
  const ServicePlan& was = recipe.hosts[0].plan.services[0];
  EXPECT_EQ(is.name, was.name);
  EXPECT_EQ(is.command, was.command);
  EXPECT_EQ(is.prepare, was.prepare);
  EXPECT_EQ(is.environment, was.environment);
  EXPECT_EQ(is.user, was.user);
  EXPECT_EQ(is.restart, was.restart);
  EXPECT_EQ(is.restart_delay, was.restart_delay);
  EXPECT_EQ(is.kill_mode, was.kill_mode);
  EXPECT_EQ(is.start_limit_burst, was.start_limit_burst);
  EXPECT_EQ(is.start_limit_interval, was.start_limit_interval);
  EXPECT_EQ(is.stop_signal, was.stop_signal);
  ASSERT_EQ(is.files.size(), 2U);
  EXPECT_EQ(is.files[0].path, was.files[0].path);
  EXPECT_EQ(is.files[0].text, was.files[0].text);
  EXPECT_FALSE(is.files[0].executable);
  EXPECT_TRUE(is.files[1].executable);
}

TEST(Recipe, ADamagedFileIsAnErrorThatNamesIt) {
  const test::TemporaryFolder folder;
  for (const char* text : {"", "{", "[]", "{\"lab\":\"x\"}", "{\"lab\":1}"}) {
    write_file(folder / "boot.json", text);
    try {
      read_recipe(folder / "boot.json");
      ADD_FAILURE() << "accepted " << text;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("boot.json is damaged"), std::string::npos) << e.what();
    }
  }
}

}  // namespace nospof::lab
