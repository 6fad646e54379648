#include "analysis/stack_certificate.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/reader.hpp"
#include "tests/support/places.hpp"

namespace nospof::analysis {
namespace {

namespace json = boost::json;

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

spec::Topology example(const std::string& name) {
  return spec::read_topology(std::string(test::source_folder) + "/experiments/" + name +
                             "/topology.yaml");
}

json::object& first_certificate(json::value& file) {
  return file.at("functions").as_array().front().at("certificate").as_object();
}

TEST(StackCertificate, OfEachExampleHolds) {
  for (const char* name : {"three-tier", "single-db", "single-web", "single-lb", "one-of-each"}) {
    const spec::Topology topology = example(name);
    const std::string text = stack_certificate(topology);
    EXPECT_THAT(verify_stack_certificate(text, topology), IsEmpty()) << name;
    EXPECT_EQ(json::parse(text).at("functions").as_array().size(), 2U) << name;
  }
}

TEST(StackCertificate, WithOnePathSetAlteredIsRefused) {
  const spec::Topology topology = example("three-tier");
  const json::value whole = json::parse(stack_certificate(topology));
  json::value copy = whole;
  const std::size_t sets = first_certificate(copy).at("path_sets").as_array().size();
  ASSERT_GT(sets, 1U);
  for (std::size_t n = 0; n < sets; ++n) {
    json::value without = whole;
    json::array& left = first_certificate(without).at("path_sets").as_array();
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_THAT(verify_stack_certificate(json::serialize(without), topology),
                Contains(HasSubstr("read: ")))
        << n;
    json::value altered = whole;
    json::object& set = first_certificate(altered).at("path_sets").as_array()[n].as_object();
    set.at("avoids").as_array() = {"web1", "web2"};
    EXPECT_THAT(verify_stack_certificate(json::serialize(altered), topology),
                Contains(HasSubstr("read: ")))
        << n;
  }
}

TEST(StackCertificate, OfAnotherTopologyIsRefused) {
  EXPECT_THAT(
      verify_stack_certificate(stack_certificate(example("three-tier")), example("single-db")),
      Contains(HasSubstr("db2")));
}

TEST(StackCertificate, WithoutAFunctionIsRefused) {
  const spec::Topology topology = example("three-tier");
  json::value file = json::parse(stack_certificate(topology));
  json::array& functions = file.at("functions").as_array();
  functions.erase(functions.begin());
  EXPECT_THAT(verify_stack_certificate(json::serialize(file), topology),
              ElementsAre("the function read has 0 certificates instead of one"));
  functions.push_back(functions.front());
  EXPECT_THAT(verify_stack_certificate(json::serialize(file), topology),
              Contains("the function write has 2 certificates instead of one"));
}

TEST(StackCertificate, ThatIsNoneIsRefused) {
  const spec::Topology topology = example("three-tier");
  EXPECT_THAT(verify_stack_certificate("{", topology), ElementsAre(HasSubstr("it is no JSON")));
  EXPECT_THAT(verify_stack_certificate("[]", topology),
              ElementsAre("'kind' is not 'nospof-stack-certificate'"));
  json::value file = json::parse(stack_certificate(topology));
  file.as_object()["schema"] = 2;
  EXPECT_THAT(verify_stack_certificate(json::serialize(file), topology),
              ElementsAre("'schema' is not 1"));
  file.as_object()["schema"] = 1;
  file.at("functions").as_array().front().as_object()["more"] = true;
  EXPECT_THAT(verify_stack_certificate(json::serialize(file), topology),
              ElementsAre("an entry of 'functions' is not made of a function and its certificate"));
}

TEST(StackCertificate, OfATopologyThatTellsNoUsersIsEmpty) {
  EXPECT_EQ(stack_certificate(spec::Topology{}), "");
}

}  // namespace
}  // namespace nospof::analysis
