#include "control/provenance.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/reader.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::control {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

class Provenance : public ::testing::Test {
 protected:
  Provenance() {
    std::filesystem::copy(std::string(test::source_folder) + "/tests/e2e/mini", folder_ / "mini");
    topology_ = spec::read_topology(folder_ / "mini/topology.yaml");
  }
  test::TemporaryFolder folder_;
  spec::Topology topology_;
};

TEST_F(Provenance, TheCopyOfATopologyIsTheSameTopology) {
  keep_topology(topology_, folder_.path());
  const spec::Topology copy = spec::read_topology(folder_ / "topology/topology.yaml");
  EXPECT_EQ(copy.sha256, topology_.sha256);
  EXPECT_EQ(read_file(folder_ / "topology/nginx.conf.j2"),
            read_file(folder_ / "mini/nginx.conf.j2"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "topology/experiment.yaml"));
}

TEST_F(Provenance, ATopologyThatWasChangedMeanwhileIsRefused) {
  for (const char* file : {"nginx.conf.j2", "topology.yaml"}) {
    const std::string path = folder_ / (std::string("mini/") + file);
    const std::string text = read_file(path);
    write_file(path, text + "\n# changed\n");
    EXPECT_THAT([&] { keep_topology(topology_, folder_.path()); },
                ThrowsMessage<Error>(HasSubstr("changed just now")));
    write_file(path, text);
  }
}

TEST_F(Provenance, TheMachineTellsItsKernelAndWhatItCanDo) {
  const auto event = machine_event();
  EXPECT_THAT(std::string(event.at("kernel").as_string()), StartsWith("Linux "));
  ASSERT_FALSE(event.at("capabilities").as_array().empty());
  for (const auto& capability : event.at("capabilities").as_array())
    EXPECT_NE(capability.at("present").as_bool(), capability.as_object().contains("missing"));
}

}  // namespace
}  // namespace nospof::control
