#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "tests/unit/spec/support.hpp"

namespace nospof::spec::test {
namespace {

namespace json = boost::json;

json::value at(const std::string& text, const std::string& pointer) {
  return json::parse(text).at_pointer(pointer);
}

// The experiment's has the kinds of faults of the program: tests/program looks at that one.
TEST(TheTopologySchema, IsTheOneInDocs) {
  const std::string file = "docs/schema/topology.schema.json";
  EXPECT_TRUE(json_schema("topology", catalogue()) == read_file(source(file)))
      << "make it anew with: nospof schema topology > " << file;
}

TEST(Schemas, AreDraft7AndForbidUnknownKeys) {
  for (const std::string kind : {"topology", "experiment"}) {
    const std::string schema = json_schema(kind, catalogue());
    EXPECT_EQ(at(schema, "/$schema"), "http://json-schema.org/draft-07/schema#");
    EXPECT_EQ(at(schema, "/additionalProperties"), false);
    EXPECT_EQ(at(schema, "/properties/kind/enum"), (json::array{kind}));
    EXPECT_EQ(at(schema, "/properties/version/minimum"), 1);
    EXPECT_EQ(schema.back(), '\n');
  }
}

TEST(Schemas, SayWhatTheReaderWants) {
  const std::string topology = json_schema("topology", catalogue());
  const std::string host = "/properties/hosts/additionalProperties";
  EXPECT_EQ(at(topology, host + "/required"), (json::array{"address"}));
  EXPECT_EQ(at(topology, host + "/properties/transport/enum"),
            (json::array{"lab", "ssh", "container"}));
  EXPECT_EQ(at(topology, host + "/properties/transport/default"), "lab");
  EXPECT_EQ(at(topology, host + "/properties/observer/default"), false);
  EXPECT_EQ(at(topology, "/properties/hosts/minProperties"), 1);
  EXPECT_EQ(at(topology, "/properties/tiers/additionalProperties/properties/needs/default"), 1);
  EXPECT_EQ(at(topology, "/properties/workload/required"),
            (json::array{"from", "url", "authority"}));
  EXPECT_EQ(at(topology, "/properties/flows/items/properties/port/maximum"), 65535);
}

TEST(Schemas, HaveTheParametersOfEachKind) {
  const std::string schema = json_schema("experiment", catalogue());
  const std::string fault = "/properties/faults/items";
  EXPECT_EQ(at(schema, fault + "/properties/kind/enum"),
            (json::array{"process-kill", "process-pause", "host-crash", "partition"}));
  EXPECT_EQ(at(schema, fault + "/allOf/0/if/properties/kind/const"), "process-kill");
  const std::string kill = fault + "/allOf/0/then";
  EXPECT_EQ(at(schema, kill + "/required"), (json::array{"service"}));
  EXPECT_EQ(at(schema, kill + "/properties/with/properties/scope/enum"),
            (json::array{"main", "all"}));
  EXPECT_EQ(at(schema, kill + "/properties/with/properties/hold/default"), true);
  EXPECT_EQ(at(schema, kill + "/properties/with/additionalProperties"), false);
  EXPECT_FALSE(
      json::parse(schema).at_pointer(fault + "/allOf/2/then").as_object().contains("required"));
}

TEST(Schemas, OfOtherKindsAreRefused) {
  try {
    json_schema("topologie", catalogue());
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("did you mean 'topology'?"));
  }
}

}  // namespace
}  // namespace nospof::spec::test
