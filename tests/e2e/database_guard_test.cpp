// The reference stack brings a database server back that its cluster has expelled: db_guard.py.

#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "support.hpp"

namespace nospof::e2e {
namespace {

using namespace std::chrono_literals;

class Databases {
 public:
  Databases(const Sandbox& sandbox, std::string lab) : sandbox_(sandbox), lab_(std::move(lab)) {}

  CommandResult sql(const std::string& host, const std::string& text) const {
    return sandbox_.run({"lab", "exec", lab_, host, "--", "mariadb", "--no-defaults", "--skip-ssl",
                         "--socket=/run/mysqld/mysqld.sock", "-Nse", text},
                        30s);
  }
  std::string status(const std::string& host, const std::string& name) const {
    const std::string shown =
        sql(host, "SET SESSION wsrep_sync_wait = 0; SHOW GLOBAL STATUS LIKE '" + name + "'").output;
    const std::size_t value = shown.find('\t');
    return value == std::string::npos ? "" : shown.substr(value + 1, shown.find('\n') - value - 1);
  }
  bool all_synced() const {
    return std::ranges::all_of(std::array{"db1", "db2", "db3"}, [&](const char* host) {
      return sql(host,
                 "SELECT group_concat(variable_value ORDER BY variable_name SEPARATOR ' ')"
                 " FROM information_schema.global_status"
                 " WHERE variable_name IN ('wsrep_cluster_size', 'wsrep_local_state_comment')")
                 .output == "3 Synced\n";
    });
  }

 private:
  const Sandbox& sandbox_;
  std::string lab_;
};

class DatabaseGuard : public ::testing::Test {
 protected:
  void SetUp() override {
    const CommandResult up = sandbox_.run(
        {"lab", "up", source("experiments/three-tier/topology.yaml"), "--name", lab_}, 120s);
    ASSERT_EQ(up.exit_code, 0) << up.output << up.errors;
    ASSERT_TRUE(eventually(60s, [&] { return databases_.all_synced(); }));
  }
  // It has a row that no other has: when all write that row, it cannot do what they do.
  void expel(const std::string& host, const std::string& other) {
    const auto insert = [](const std::string& token) {
      return "INSERT INTO app.canary (id, token, given) VALUES ('row', '" + token + "', '')";
    };
    ASSERT_EQ(databases_.sql(host, "SET SESSION wsrep_on = OFF; " + insert("own")).exit_code, 0);
    ASSERT_EQ(databases_.sql(other, insert("of-all")).exit_code, 0);
  }
  std::string log(const std::string& host) const {
    return sandbox_.run({"lab", "logs", lab_, host}, 30s).output;
  }
  bool was_killed(const std::string& host) const {
    return log(host).find("dropped out of the cluster: killed") != std::string::npos;
  }

  Sandbox sandbox_;
  std::string lab_ = sandbox_.lab_name("g");
  Databases databases_{sandbox_, lab_};
};

TEST_F(DatabaseGuard, StartsAServerAnewThatDroppedOutOfTheCluster) {
  expel("db3", "db1");
  EXPECT_TRUE(eventually(30s, [&] { return was_killed("db3"); })) << log("db3");
  EXPECT_TRUE(eventually(60s, [&] { return databases_.all_synced(); })) << log("db3");
  EXPECT_EQ(databases_.sql("db3", "SELECT token FROM app.canary WHERE id = 'row'").output,
            "of-all\n");
}

// Without a cluster to come back to the new server would give up, and nobody start it again.
TEST_F(DatabaseGuard, LeavesItAloneWhileNoClusterMayServe) {
  const auto on = [&](const std::string& host, const std::string& script) {
    return sandbox_.run({"lab", "exec", lab_, host, "--", "sh", "-c", script}, 30s);
  };
  const auto isolate = [&](const std::string& host, const std::string& wanted) {
    return databases_
        .sql(host, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=" + wanted + "'")
        .exit_code;
  };
  // No room to start anew in, so that it is not before the others are apart as well.
  const std::string folder = databases_.sql("db3", "SELECT @@datadir").output;
  const std::string filler = folder.substr(0, folder.find('\n')) + "filler";
  const CommandResult filled =
      on("db3", "fallocate -l $(($(df --output=avail -k " + folder.substr(0, folder.find('\n')) +
                    " | tail -n 1) - 102400))K " + filler);
  ASSERT_EQ(filled.exit_code, 0) << filled.errors;
  expel("db3", "db1");
  ASSERT_TRUE(
      eventually(30s, [&] { return databases_.status("db3", "wsrep_connected") == "OFF"; }));
  ASSERT_EQ(isolate("db1", "1"), 0);
  for (const char* host : {"db1", "db2"})
    ASSERT_TRUE(eventually(30s, [&] {
      return databases_.status(host, "wsrep_cluster_status") == "non-Primary";
    })) << host;
  std::this_thread::sleep_for(5s);  // what they said before is forgotten
  ASSERT_EQ(on("db3", "rm " + filler).exit_code, 0);
  EXPECT_FALSE(eventually(5s, [&] { return was_killed("db3"); })) << log("db3");

  ASSERT_EQ(isolate("db1", "0"), 0);
  EXPECT_TRUE(eventually(30s, [&] { return was_killed("db3"); })) << log("db3");
  EXPECT_TRUE(eventually(60s, [&] { return databases_.all_synced(); })) << log("db3");
}

}  // namespace
}  // namespace nospof::e2e
