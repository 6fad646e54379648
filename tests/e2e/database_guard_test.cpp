// The reference stack brings a database server back that its cluster has expelled: db_guard.py.

#include <algorithm>
#include <array>

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

// It has a row that no other has: when all write that row, it cannot do what they do.
TEST(DatabaseGuard, StartsAServerAnewThatDroppedOutOfTheCluster) {
  Sandbox sandbox;
  const std::string lab = sandbox.lab_name("g");
  const std::string topology = source("experiments/three-tier/topology.yaml");
  const CommandResult up = sandbox.run({"lab", "up", topology, "--name", lab}, 120s);
  ASSERT_EQ(up.exit_code, 0) << up.output << up.errors;
  const Databases databases(sandbox, lab);
  ASSERT_TRUE(eventually(60s, [&] { return databases.all_synced(); }));

  const auto insert = [](const std::string& token) {
    return "INSERT INTO app.canary (id, token, given) VALUES ('row', '" + token + "', '')";
  };
  ASSERT_EQ(databases.sql("db3", "SET SESSION wsrep_on = OFF; " + insert("own")).exit_code, 0);
  ASSERT_EQ(databases.sql("db1", insert("of-all")).exit_code, 0);

  const auto log = [&] { return sandbox.run({"lab", "logs", lab, "db3"}, 30s).output; };
  EXPECT_TRUE(eventually(30s, [&] {
    return log().find("dropped out of the cluster: killed") != std::string::npos;
  })) << log();
  EXPECT_TRUE(eventually(60s, [&] { return databases.all_synced(); })) << log();
  EXPECT_EQ(databases.sql("db3", "SELECT token FROM app.canary WHERE id = 'row'").output,
            "of-all\n");
}

}  // namespace
}  // namespace nospof::e2e
