// Names, folders and tar files of others, who may mean harm.

#include "evidence/archive.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "system/fd.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::evidence {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

bool any(const std::string&) {
  return true;
}

class Archive : public ::testing::Test {
 protected:
  std::string written(const std::string& name) {
    Staging staging;
    staging.add_text(envelope_name, "{}\n");
    staging.add_text("events.ndjson", std::string(700, 'e'));
    staging.add_text("samples/https.bin", std::string(512, '\0'));
    staging.add_text("empty", "");
    write_archive(staging, folder_ / name);
    return read_file(folder_ / name);
  }
  void stage(const std::string& bytes, Staging& staging) {
    write_file(folder_ / "other.tar", bytes);
    stage_archive(folder_ / "other.tar", staging);
  }
  void stage(const std::string& bytes) {
    Staging staging;
    stage(bytes, staging);
  }

  test::TemporaryFolder folder_;
};

TEST_F(Archive, GivesBackWhatWentIn) {
  const std::string bytes = written("a.tar");
  EXPECT_EQ(written("b.tar"), bytes);
  Staging staging;
  stage(bytes, staging);
  EXPECT_EQ(read_file(staging.folder() + "/statement.dsse.json"), "{}\n");
  ASSERT_EQ(staging.files().size(), 3U);
  EXPECT_EQ(staging.files()[0].name, "empty");
  EXPECT_EQ(staging.files()[0].sha256,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(staging.files()[1].name, "events.ndjson");
  EXPECT_EQ(staging.files()[1].size, 700U);
  EXPECT_EQ(read_file(staging.folder() + "/samples/https.bin"), std::string(512, '\0'));
}

TEST_F(Archive, NoByteOutsideOfTheFilesIsFree) {
  const std::string bytes = written("a.tar");
  Staging whole;
  stage(bytes, whole);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ (1 << (at % 8)));
    Staging staging;
    try {
      stage(other, staging);
    } catch (const NoBundle& e) {
      ADD_FAILURE() << "byte " << at << ": " << e.what();
    } catch (const Error&) {
      continue;
    }
    // Then it is in a file, whose sum tells.
    bool same = read_file(staging.folder() + "/" + envelope_name) == "{}\n";
    for (const StagedFile& file : whole.files())
      same = same && staging.find(file.name) != nullptr &&
             staging.find(file.name)->sha256 == file.sha256;
    EXPECT_FALSE(same) << "byte " << at;
  }
}

TEST_F(Archive, CutOrLongerIsRefused) {
  const std::string bytes = written("a.tar");
  for (std::size_t size = 3 * 512; size < bytes.size(); size += 37)
    EXPECT_THROW(stage(bytes.substr(0, size)), Error) << size;
  EXPECT_THROW(stage(bytes + std::string(1, '\0')), Error);
  EXPECT_THROW(stage(bytes + std::string(1024, '\0')), Error);
}

TEST_F(Archive, WhatHasNothingOfABundleIsNone) {
  for (const std::string& bytes : {std::string(), std::string("text"), std::string(5000, 'x')})
    EXPECT_THROW(stage(bytes), NoBundle) << bytes.size();
  EXPECT_THROW(stage_archive(folder_ / "none.tar", *std::make_unique<Staging>()), SystemError);
}

TEST_F(Archive, IsNeverOverwritten) {
  written("a.tar");
  EXPECT_THROW(written("a.tar"), Error);
}

// A header that a tar would take, with another name.
std::string renamed(std::string bytes, std::size_t header, const std::string& name) {
  for (std::size_t i = 0; i < 100; ++i) bytes[header + i] = i < name.size() ? name[i] : '\0';
  bytes.replace(header + 148, 8, 8, ' ');
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(bytes[header + i]);
  bytes.replace(header + 148, 6, fmt::format("{:06o}", sum));
  bytes[header + 154] = '\0';
  return bytes;
}

TEST_F(Archive, NamesThatLeadElsewhereAreRefused) {
  const std::string bytes = written("a.tar");
  const std::size_t second = 1024;  // after the envelope's header and block
  EXPECT_NO_THROW(stage(renamed(bytes, second, "evidence/dull")));
  for (const char* name : {"evidence/../x", "evidence//x", "/etc/x", "evidence/", "../x",
                           "evidence/a/../../x", "evidence/.x", "elsewhere/x", "evidence/a\\b",
                           "evidence/statement.dsse.json", "evidence/zz"}) {
    EXPECT_THROW(stage(renamed(bytes, second, name)), Error) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::temp_directory_path() / "x"));
}

TEST(Names, AreSafeOrRefused) {
  for (const char* good : {"a", "events.ndjson", "samples/https.bin", "topology/conf.d/a+b@c.j2"})
    EXPECT_TRUE(is_safe_name(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("../a"), std::string("a/../b"), std::string("."), std::string("a/./b"),
        std::string(".hidden"), std::string("a b"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("a\x1b[1m"), std::string("\xC3\xA4"), std::string("a\\b"),
        std::string(91, 'a')})
    EXPECT_FALSE(is_safe_name(bad)) << bad;
}

TEST(Folders, AreCopiedWithTheirSums) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "samples");
  write_file(folder / "samples/https.bin", "abc");
  write_file(folder / "events.ndjson", "");
  Staging staging;
  stage_folder(folder.path(), any, staging);
  ASSERT_EQ(staging.files().size(), 2U);
  // FIPS 180-2, appendix B.1
  EXPECT_EQ(staging.find("samples/https.bin")->sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string copy = staging.folder();
  EXPECT_EQ(std::filesystem::status(copy).permissions() & std::filesystem::perms::all,
            std::filesystem::perms::owner_all);
}

TEST(Folders, NoLinkIsFollowedAndNoPipeOpened) {
  for (const char* kind : {"link", "folder link", "pipe"}) {
    const test::TemporaryFolder folder;
    write_file(folder / "real", "x");
    if (std::string(kind) == "link")
      std::filesystem::create_symlink(folder / "real", folder / "odd");
    else if (std::string(kind) == "folder link")
      std::filesystem::create_directory_symlink("/etc", folder / "odd");
    else
      ASSERT_EQ(::mkfifo((folder / "odd").c_str(), 0600), 0);
    Staging staging;
    EXPECT_THAT([&] { stage_folder(folder.path(), any, staging); },
                ThrowsMessage<Error>(HasSubstr("/odd: ")))
        << kind;
  }
}

TEST(Folders, AreGoneWithTheirStaging) {
  std::string path;
  {
    Staging staging;
    path = staging.folder();
    staging.add_text("a/b", "x");
    EXPECT_TRUE(std::filesystem::exists(path + "/a/b"));
    EXPECT_THROW(staging.add_text("a/b", "y"), Error);
    EXPECT_THROW(staging.add_text("a/b/c", "y"), Error);
    EXPECT_THROW(staging.add_text("a", "y"), Error);
    EXPECT_THROW(staging.add_text("../b", "y"), Error);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace nospof::evidence
