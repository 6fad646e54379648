// Bundles of a recorded run, whole and tampered with in every way there is.

#include "evidence/verify.hpp"

#include <filesystem>
#include <random>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence/archive.hpp"
#include "evidence/bundle.hpp"
#include "evidence/dsse.hpp"
#include "system/fd.hpp"
#include "tests/unit/evidence/recorded.hpp"

namespace nospof::evidence {
namespace {

namespace json = boost::json;
using test::bundle_of;
using test::Parts;
using test::parts_of;
using test::Recorded;
using test::signer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string cell = "web1/nginx/process-kill";

class Bundle : public ::testing::Test {
 protected:
  Recorded recorded_;
  std::string bytes_ = recorded_.bundle();
};

TEST_F(Bundle, OfARecordedRunIsVerified) {
  const Verification found = recorded_.verify(bytes_);
  EXPECT_THAT(found.failures, IsEmpty());
  EXPECT_THAT(found.notes, IsEmpty());
  EXPECT_EQ(found.verdict, "pass");
  EXPECT_EQ(found.exit_code, 0);
  EXPECT_EQ(found.topology, "mini");
  EXPECT_EQ(found.key_id, signer().public_key().id());
  EXPECT_THAT(found.claim, HasSubstr("No single point of failure was found"));
  EXPECT_THAT(found.claim, HasSubstr(found.topology_sha256));
  EXPECT_THAT(found.not_covered, Not(IsEmpty()));
}

TEST_F(Bundle, IsTheSameForTheSameRunAndKey) {
  EXPECT_TRUE(recorded_.bundle() == bytes_);
}

TEST_F(Bundle, IsVerifiedUnpackedToo) {
  const Parts parts = parts_of(bytes_);
  write_file(recorded_ / "b.tar", bytes_);
  Staging staging;
  stage_archive(recorded_ / "b.tar", staging);
  const auto verified = [&] {
    return verify_bundle(staging.folder(), signer().public_key(), {test::version, {}, {}});
  };
  EXPECT_THAT(verified().failures, IsEmpty());
  // One byte of each file, at its beginning, middle and end.
  for (const auto& [name, text] : parts.files)
    for (const std::size_t at : {std::size_t{0}, text.size() / 2, text.size() - 1}) {
      std::string other = text;
      other[at] = static_cast<char>(other[at] ^ 0x20);
      write_file(staging.folder() + "/" + name, other);
      EXPECT_THAT(verified().failures, ElementsAre(HasSubstr(name + ": was changed"))) << at;
      write_file(staging.folder() + "/" + name, text);
    }
  write_file(staging.folder() + "/more", "x");
  EXPECT_THAT(verified().failures, ElementsAre(HasSubstr("more: nobody vouches for it")));
  std::filesystem::remove(staging.folder() + "/more");
  std::filesystem::create_symlink("/etc/passwd", staging.folder() + "/more");
  EXPECT_THAT(verified().failures, ElementsAre(HasSubstr("a symbolic link")));
}

TEST_F(Bundle, NoByteOfItCanBeFlipped) {
  std::mt19937 random(20261129);
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < bytes_.size(); at += 1 + random() % 197) places.push_back(at);
  const std::size_t payload = bytes_.find("payload");
  for (std::size_t at = payload - 8; at < payload + 100; ++at) places.push_back(at);
  const std::size_t signatures = bytes_.find("\"signatures\"");
  for (std::size_t at = signatures - 80; at < signatures + 220; ++at) places.push_back(at);
  for (std::size_t at = bytes_.size() - 40; at < bytes_.size(); ++at) places.push_back(at);
  for (const std::size_t at : places) {
    std::string other = bytes_;
    other[at] = static_cast<char>(static_cast<unsigned char>(other[at]) ^ (1U << (random() % 8)));
    EXPECT_FALSE(recorded_.verify(other).good()) << "byte " << at;
  }
  EXPECT_GT(places.size(), 1000U);
}

TEST_F(Bundle, CannotBeCut) {
  for (std::size_t size = 3 * 512; size < bytes_.size(); size += 1999)
    EXPECT_FALSE(recorded_.verify(bytes_.substr(0, size)).good()) << size;
}

TEST_F(Bundle, AnotherKeyIsTold) {
  const PublicKey other = PrivateKey::generate().public_key();
  write_file(recorded_ / "b.tar", bytes_);
  const Verification found = verify_bundle(recorded_ / "b.tar", other, {test::version, {}, {}});
  EXPECT_THAT(found.failures, Contains(HasSubstr(signer().public_key().id())));
  EXPECT_THAT(found.failures, Contains(HasSubstr("the signature is not of the given key")));
  EXPECT_THAT(found.notes, Contains(HasSubstr("the verdict was not examined")));
  EXPECT_EQ(found.claim, "");
}

TEST_F(Bundle, AnotherKeyThatSaysItIsTheRightOneIsTold) {
  const PrivateKey other = PrivateKey::generate();
  const std::string forged = bundle_of(parts_of(bytes_), other);
  const std::string name = signer().public_key().id();
  std::string claims = forged;
  claims.replace(claims.find(other.public_key().id()), name.size(), name);
  EXPECT_THAT(recorded_.verify(claims).failures,
              ElementsAre(HasSubstr("the signature is not of the given key")));
}

TEST_F(Bundle, WithoutASignatureIsNotVerified) {
  write_bundle({recorded_.run(), recorded_ / "b.tar", nullptr, {}, test::version});
  EXPECT_THAT(recorded_.verify(read_file(recorded_ / "b.tar")).failures,
              ElementsAre(HasSubstr("it is not signed")));
}

// From here on the right key signs again, whatever the statement says.

TEST_F(Bundle, SignedAgainUnchangedItIsVerified) {
  Parts parts = parts_of(bytes_);
  parts.restate_files();
  EXPECT_THAT(recorded_.verify(bundle_of(parts, signer())).failures, IsEmpty());
}

TEST_F(Bundle, ARemovedCellIsNamedThoughSignedAgain) {
  Parts parts = parts_of(bytes_);
  json::array& cells = parts.result().at("cells").as_array();
  ASSERT_EQ(cells.front().as_object().at("id").as_string(), cell);
  cells.erase(cells.begin());
  EXPECT_THAT(recorded_.verify(bundle_of(parts, signer())).failures,
              ElementsAre(HasSubstr("cells[" + cell + "]: is not stated")));
}

TEST_F(Bundle, AChangedVerdictIsNamedThoughSignedAgain) {
  for (const char* place : {"cell", "run", "predicate", "exit code"}) {
    Parts parts = parts_of(bytes_);
    if (place == std::string("cell"))
      parts.result().at("cells").as_array()[0].as_object()["verdict"] = "fail";
    else if (place == std::string("run"))
      parts.result()["verdict"] = "fail";
    else if (place == std::string("predicate"))
      parts.statement.at("predicate").as_object()["result"] = "FAILED";
    else
      parts.result()["exit_code"] = 1;
    EXPECT_THAT(recorded_.verify(bundle_of(parts, signer())).failures,
                ElementsAre(HasSubstr("is stated, but")))
        << place;
  }
}

TEST_F(Bundle, AVerdictChangedInAllPlacesDoesNotFollowFromTheSamples) {
  Parts parts = parts_of(bytes_);
  json::object result = json::parse(parts.files.at("result.json")).as_object();
  for (json::object* of : {&result, &parts.result()}) {
    (*of)["verdict"] = "fail";
    (*of)["exit_code"] = 1;
    of->at("cells").as_array()[0].as_object()["verdict"] = "fail";
  }
  parts.files["result.json"] = json::serialize(result);
  parts.restate_files();
  const Verification found = recorded_.verify(bundle_of(parts, signer()));
  EXPECT_THAT(found.failures,
              Contains(HasSubstr("result.json: cells[" + cell +
                                 "].verdict: \"fail\" is stated, but \"pass\" follows")));
  EXPECT_THAT(found.failures, Contains(HasSubstr("the statement: predicate.nospof.result.cells[" +
                                                 cell + "].verdict")));
}

TEST_F(Bundle, SamplesThatTellAnotherStoryAreToldThoughSignedAgain) {
  Parts parts = parts_of(bytes_);
  std::string& samples = parts.files.at("samples/https.bin");
  // Every outcome (byte 32 of the records of 48 bytes after the header of 32) becomes a timeout.
  for (std::size_t at = 32 + 32; at < samples.size(); at += 48) samples[at] = 6;
  parts.restate_files();
  const Verification found = recorded_.verify(bundle_of(parts, signer()));
  EXPECT_THAT(found.failures,
              Contains(HasSubstr("predicate.nospof.result.cells[" + cell + "].verdict")));
  EXPECT_THAT(found.failures, Contains(HasSubstr("result.json: ")));
}

TEST_F(Bundle, AClaimInOtherWordsIsTold) {
  Parts parts = parts_of(bytes_);
  parts.about()["claim"] = "All is well.";
  EXPECT_THAT(recorded_.verify(bundle_of(parts, signer())).failures,
              ElementsAre(HasSubstr("predicate.nospof.claim: \"All is well.\" is stated")));
}

TEST_F(Bundle, AMissingFileIsNamedThoughNobodyNamesIt) {
  for (const char* name : {"events.ndjson", "samples/https.bin", "result.json",
                           "topology/topology.yaml", "topology/nginx.conf.j2"}) {
    Parts parts = parts_of(bytes_);
    ASSERT_EQ(parts.files.erase(name), 1U);
    EXPECT_THAT(recorded_.verify(bundle_of(parts, signer())).failures,
                ElementsAre(HasSubstr(std::string(name) + ": is missing")));
    parts.restate_files();
    EXPECT_FALSE(recorded_.verify(bundle_of(parts, signer())).good()) << name;
  }
}

TEST_F(Bundle, AnotherTopologyIsTold) {
  for (const char* name : {"topology/topology.yaml", "topology/nginx.conf.j2"}) {
    Parts parts = parts_of(bytes_);
    parts.files.at(name) += "\n# changed\n";
    parts.restate_files();
    EXPECT_THAT(recorded_.verify(bundle_of(parts, signer())).failures,
                Contains(HasSubstr("topology/topology.yaml: with its templates it has the hash")))
        << name;
  }
}

TEST_F(Bundle, AStatementWrittenOtherwiseIsTold) {
  const Parts parts = parts_of(bytes_);
  Staging staging;
  for (const auto& [name, text] : parts.files) staging.add_text(name, text);
  const PrivateKey key = signer();
  staging.add_text(
      envelope_name,
      envelope_text(seal(statement_type, json::serialize(parts.statement) + " ", &key)));
  write_archive(staging, recorded_ / "b.tar");
  EXPECT_THAT(recorded_.verify(read_file(recorded_ / "b.tar")).failures,
              ElementsAre(HasSubstr("not written as nospof writes it")));
}

TEST_F(Bundle, AnotherTypeOfPayloadIsTold) {
  const Parts parts = parts_of(bytes_);
  Staging staging;
  for (const auto& [name, text] : parts.files) staging.add_text(name, text);
  const PrivateKey key = signer();
  staging.add_text(envelope_name,
                   envelope_text(seal("text/plain", json::serialize(parts.statement), &key)));
  write_archive(staging, recorded_ / "b.tar");
  EXPECT_THAT(recorded_.verify(read_file(recorded_ / "b.tar")).failures,
              ElementsAre(HasSubstr("the payload's type is 'text/plain'")));
}

TEST_F(Bundle, StatementsOfAnyShapeAreRefusedAndNothingElseHappens) {
  for (const char* text :
       {"[]", "{}", "null", R"({"subject":1})", R"({"subject":[1]})", R"({"subject":[{"name":1}]})",
        R"({"subject":[{"name":"../../etc/passwd","digest":{"sha256":"x"}}]})",
        R"({"subject":[],"predicate":1})"}) {
    Staging staging;
    const PrivateKey key = signer();
    staging.add_text(envelope_name, envelope_text(seal(statement_type, text, &key)));
    write_archive(staging, recorded_ / "b.tar");
    EXPECT_FALSE(recorded_.verify(read_file(recorded_ / "b.tar")).good()) << text;
    std::filesystem::remove(recorded_ / "b.tar");
  }
}

TEST_F(Bundle, ThePlanIsAskedFor) {
  Checks checks{test::version, {}, {}};
  recorded_.replace_in("events.ndjson", "\"tool\":\"nospof 0.1.0\"",
                       "\"tool\":\"" + std::string(test::version) + "\"");
  const std::string bytes = recorded_.bundle();
  std::size_t planned = 0;
  checks.plan = [&](const spec::Topology& topology, const verdict::RunRecord& run) {
    EXPECT_EQ(topology.sha256, run.topology.sha256);
    planned = run.cells.size();
    return std::vector<std::string>{"too few cells"};
  };
  EXPECT_THAT(recorded_.verify(bytes, checks).failures, ElementsAre("the plan: too few cells"));
  EXPECT_GT(planned, 0U);
  // One that another version planned is not held against this one's faults.
  EXPECT_THAT(recorded_.verify(bytes_, checks).failures, IsEmpty());
  EXPECT_THAT(recorded_.verify(bytes_, checks).notes, ElementsAre(HasSubstr("was not examined")));
}

TEST_F(Bundle, ACertificateIsVerifiedByWhoeverKnowsHow) {
  write_file(recorded_ / "c.json", R"({"path_sets":[["web1"],["web2"]]})");
  const std::string bytes = recorded_.bundle(recorded_ / "c.json");
  EXPECT_THAT(recorded_.verify(bytes).failures,
              ElementsAre("certificate.json: this version cannot check it"));
  Checks checks{test::version, {}, {}};
  checks.certificate = [](const std::string& text, const spec::Topology& topology) {
    std::vector<std::string> problems;
    const json::value certificate = json::parse(text);
    for (const json::value& set : certificate.at("path_sets").as_array())
      for (const json::value& host : set.as_array())
        if (topology.find_host(std::string(host.as_string())) == nullptr)
          problems.push_back("a path set has the unknown host " + std::string(host.as_string()));
    return problems;
  };
  EXPECT_THAT(recorded_.verify(bytes, checks).failures, IsEmpty());
  Parts parts = parts_of(bytes);
  parts.files.at("certificate.json") = R"({"path_sets":[["web1"],["web3"]]})";
  EXPECT_THAT(recorded_.verify(bundle_of(parts, signer()), checks).failures,
              ElementsAre(HasSubstr("certificate.json: was changed")));
  parts.restate_files();
  EXPECT_THAT(recorded_.verify(bundle_of(parts, signer()), checks).failures,
              Contains("certificate.json: a path set has the unknown host web3"));
}

TEST_F(Bundle, ItsPredicateIsTheOneOfTheStandard) {
  Parts parts = parts_of(bytes_);
  EXPECT_EQ(parts.statement.at("_type").as_string(), "https://in-toto.io/Statement/v1");
  EXPECT_EQ(parts.statement.at("predicateType").as_string(),
            "https://in-toto.io/attestation/test-result/v0.1");
  const json::object& predicate = parts.statement.at("predicate").as_object();
  EXPECT_EQ(predicate.at("result").as_string(), "PASSED");
  EXPECT_THAT(predicate.at("passedTests").as_array(), Contains(json::value(cell)));
  EXPECT_THAT(predicate.at("warnedTests").as_array(), IsEmpty());
  EXPECT_THAT(predicate.at("failedTests").as_array(), IsEmpty());
  for (const json::value& entry : predicate.at("configuration").as_array())
    EXPECT_THAT(std::string(entry.at("name").as_string()), ::testing::StartsWith("topology/"));
  const json::object& about = parts.about();
  EXPECT_TRUE(about.at("machine").is_null()) << "the run was recorded before machines were";
  EXPECT_THAT(about.at("not_executed").as_array(), Not(IsEmpty()));
  EXPECT_THAT(about.at("observers").as_array(), Not(IsEmpty()));
  EXPECT_EQ(about.at("result").at("cells").at(0).at("bound").at("executions").as_int64(), 1);
}

TEST_F(Bundle, TellsTheMachineAndTheCommandLine) {
  recorded_.replace_in("events.ndjson", R"("command":)",
                       R"("argv":["nospof","prove","a b"],"commit":"abc","seed":7,"command":)");
  recorded_.replace_in("events.ndjson", "\n",
                       "\n"
                       R"({"t":"","mono_ns":1,"event":"machine","kernel":"Linux 6.1 x86_64",)"
                       R"("capabilities":[{"name":"sch_netem","present":false,"missing":"no"}]})"
                       "\n");
  const std::string bytes = recorded_.bundle();
  EXPECT_THAT(recorded_.verify(bytes).failures, IsEmpty());
  Parts parts = parts_of(bytes);
  EXPECT_EQ(json::serialize(parts.about().at("machine")),
            R"({"kernel":"Linux 6.1 x86_64","capabilities":)"
            R"([{"name":"sch_netem","present":false,"missing":"no"}]})");
  EXPECT_EQ(json::serialize(parts.about().at("repeat").at("argv")), R"(["nospof","prove","a b"])");
  EXPECT_EQ(parts.about().at("tool").at("commit").as_string(), "abc");
  EXPECT_EQ(parts.about().at("seed").as_int64(), 7);
}

TEST_F(Bundle, OfAKilledRunIsVerifiedAndProvesNothing) {
  const std::string events = read_file(recorded_.run() + "/events.ndjson");
  write_file(recorded_.run() + "/events.ndjson", events.substr(0, events.size() * 2 / 3));
  const std::string bytes = recorded_.bundle();
  const Verification found = recorded_.verify(bytes);
  EXPECT_THAT(found.failures, IsEmpty());
  EXPECT_EQ(found.verdict, "inconclusive");
  EXPECT_EQ(found.exit_code, 3);
  const json::object predicate = parts_of(bytes).statement.at("predicate").as_object();
  EXPECT_EQ(predicate.at("result").as_string(), "FAILED");
}

TEST_F(Bundle, IsNotMadeWhereThereIsNoRunOrAnotherTopology) {
  const auto refused = [&](const char* why) {
    std::filesystem::remove(recorded_ / "b.tar");
    try {
      write_bundle({recorded_.run(), recorded_ / "b.tar", nullptr, {}, test::version});
      ADD_FAILURE() << why;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr(why));
    }
    EXPECT_FALSE(std::filesystem::exists(recorded_ / "b.tar"));
  };
  recorded_.replace_in("topology/topology.yaml", "rate: 50/s", "rate: 5/s");
  refused("the topology beside the run is not the one that the run names");
  std::filesystem::remove_all(recorded_.run() + "/topology");
  recorded_.replace_in("events.ndjson", R"("file":"mini/topology.yaml")", R"("file":"none.yaml")");
  refused("the run kept no copy of its topology");
  std::filesystem::remove(recorded_.run() + "/events.ndjson");
  refused("no events.ndjson");
}

}  // namespace
}  // namespace nospof::evidence
