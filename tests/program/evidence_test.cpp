// The verbs keygen, bundle and verify of the built program, on a recorded run.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "system/process.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Evidence : public testing::Test {
 protected:
  Evidence() {
    std::filesystem::copy(std::string(test::source_folder) + "/tests/unit/evidence/run", run_,
                          std::filesystem::copy_options::recursive);
    EXPECT_EQ(nospof({"keygen", "--out", folder_ / "key"}).exit_code, 0);
  }

  static CommandResult nospof(std::vector<std::string> arguments) {
    SpawnOptions options;
    options.argv = {test::built_program};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    return run_command(std::move(options), std::chrono::seconds(60));
  }
  CommandResult bundle() {
    std::filesystem::remove(file_);
    return nospof({"bundle", run_, "--sign", folder_ / "key.pem", "--out", file_});
  }
  CommandResult verify() const {
    return nospof({"verify", file_, "--key", folder_ / "key.pub.pem"});
  }

  test::TemporaryFolder folder_;
  std::string run_ = folder_ / "run";
  std::string file_ = folder_ / "evidence.tar";
};

TEST_F(Evidence, OfARunIsBundledAndVerified) {
  const CommandResult bundled = bundle();
  EXPECT_EQ(bundled.exit_code, 0) << bundled.errors;
  EXPECT_THAT(bundled.output, HasSubstr("verdict pass, signed by key "));
  const CommandResult verified = verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.errors;
  EXPECT_THAT(verified.errors, IsEmpty());
  EXPECT_THAT(verified.output, HasSubstr("evidence.tar: verified"));
  EXPECT_THAT(verified.output, HasSubstr("No single point of failure was found."));
  EXPECT_THAT(verified.output, HasSubstr("Not covered:\n  - "));
}

TEST_F(Evidence, IsNotSignedWithACertificateThatProvesNothing) {
  std::filesystem::remove(run_ + "/certificate.json");
  const std::string certificate = folder_ / "certificate.json";
  write_file(certificate, "{}");
  const CommandResult refused =
      nospof({"bundle", run_, "--certificate", certificate, "--out", file_});
  EXPECT_EQ(refused.exit_code, 2) << refused.output;
  EXPECT_THAT(refused.errors, HasSubstr("'kind' is not 'nospof-stack-certificate'"));
  EXPECT_THAT(refused.errors, HasSubstr("leave --certificate out"));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(Evidence, IsNotSignedWithACertificateOfTheRunThatProvesNothing) {
  write_file(run_ + "/certificate.json", "{}");
  const CommandResult refused = bundle();
  EXPECT_EQ(refused.exit_code, 2) << refused.output;
  EXPECT_THAT(refused.errors, HasSubstr(run_ + "/certificate.json: 'kind' is not"));
  EXPECT_THAT(refused.errors, HasSubstr("move the file away"));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(Evidence, IsATarThatOthersUnpackAndThatIsVerifiedUnpacked) {
  ASSERT_EQ(bundle().exit_code, 0);
  SpawnOptions options;
  options.argv = {"/usr/bin/tar", "-xf", file_, "-C", folder_.path()};
  const CommandResult unpacked = run_command(std::move(options), std::chrono::seconds(60));
  ASSERT_EQ(unpacked.exit_code, 0) << unpacked.errors;
  EXPECT_THAT(unpacked.errors, IsEmpty());
  EXPECT_EQ(read_file(folder_ / "evidence/events.ndjson"), read_file(run_ + "/events.ndjson"));
  const CommandResult verified =
      nospof({"verify", folder_ / "evidence", "--key", folder_ / "key.pub.pem"});
  EXPECT_EQ(verified.exit_code, 0) << verified.errors;
}

TEST_F(Evidence, ThatWasTamperedWithIsNamedAndNotVerified) {
  ASSERT_EQ(bundle().exit_code, 0);
  std::string bytes = read_file(file_);
  const std::size_t at = bytes.find("cell-finished");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'b';
  write_file(file_, bytes);
  const CommandResult verified = verify();
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.output, HasSubstr("NOT verified"));
  EXPECT_THAT(verified.errors, HasSubstr("events.ndjson: was changed"));
}

TEST_F(Evidence, ThatAnotherKeySignedIsNotVerified) {
  ASSERT_EQ(bundle().exit_code, 0);
  ASSERT_EQ(nospof({"keygen", "--out", folder_ / "other"}).exit_code, 0);
  const CommandResult verified = nospof({"verify", file_, "--key", folder_ / "other.pub.pem"});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.errors, HasSubstr("signature is not of the given key"));
}

TEST_F(Evidence, ACellTakenOutOfTheRecordBeforeItWasSignedIsMissed) {
  const std::string path = run_ + "/events.ndjson";
  std::string events = read_file(path);
  const std::size_t cells = events.find("\"cells\":[{");
  ASSERT_NE(cells, std::string::npos);
  const std::size_t first = events.find('{', cells);
  const std::size_t second = events.find("{\"id\"", first + 1);
  ASSERT_NE(second, std::string::npos) << "the recorded run has two cells";
  const std::string head = events.substr(0, first) + events.substr(second);
  // Whatever the record tells of it goes, too.
  std::string rest;
  for (std::size_t at = 0; at < head.size();) {
    const std::size_t end = head.find('\n', at) + 1;
    const std::string line = head.substr(at, end - at);
    if (line.find("\"cell\":\"web1/nginx/process-kill\"") == std::string::npos) rest += line;
    at = end;
  }
  write_file(path, rest);
  ASSERT_EQ(bundle().exit_code, 0);
  const CommandResult verified = verify();
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.errors,
              HasSubstr("the cell web1/nginx/process-kill is neither planned nor left out"));
}

TEST_F(Evidence, BadInputIsToldFromWhatIsNotVerified) {
  ASSERT_EQ(bundle().exit_code, 0);
  const std::string key = folder_ / "key.pub.pem";
  write_file(folder_ / "text", std::string(5000, 'x'));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"verify", folder_ / "none.tar", "--key", key},
        std::vector<std::string>{"verify", folder_ / "text", "--key", key},
        std::vector<std::string>{"verify", run_, "--key", key},
        std::vector<std::string>{"verify", file_, "--key", folder_ / "none.pem"},
        std::vector<std::string>{"verify", file_, "--key", folder_ / "key.pem"},
        std::vector<std::string>{"verify", file_, "--key", folder_ / "text"},
        std::vector<std::string>{"verify", file_},
        std::vector<std::string>{"bundle", folder_ / "none", "--out", folder_ / "b.tar"},
        std::vector<std::string>{"bundle", folder_.path(), "--out", folder_ / "b.tar"},
        std::vector<std::string>{"bundle", run_, "--out", file_},
        std::vector<std::string>{"bundle", run_, "--out", folder_ / "b.tar", "--sign", key},
        std::vector<std::string>{"keygen", "--out", folder_ / "key"},
        std::vector<std::string>{"keygen"}}) {
    const CommandResult result = nospof(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments[0] << " " << arguments[1] << result.output;
    EXPECT_THAT(result.errors, Not(IsEmpty()));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "b.tar"));
  }
}

}  // namespace
}  // namespace nospof
