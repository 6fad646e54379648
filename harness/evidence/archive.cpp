#include "evidence/archive.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::evidence {

namespace {

constexpr std::size_t block_size = 512;
using Block = std::array<char, block_size>;

// Where fields are in a header, and how long.
constexpr std::size_t name_size = 100;
constexpr std::size_t size_at = 124;
constexpr std::size_t size_digits = 11;
constexpr std::size_t sum_at = 148;
constexpr std::size_t magic_at = 257;
constexpr std::string_view magic{
    "ustar\0"
    "00",
    8};
constexpr std::size_t end_blocks = 2;

void put(Block& block, std::size_t at, std::string_view text) {
  std::ranges::copy(text, block.begin() + static_cast<std::ptrdiff_t>(at));
}

Block header_of(std::string_view name, std::uint64_t size) {
  Block block{};
  put(block, 0, archive_folder);
  put(block, std::strlen(archive_folder), name);
  put(block, 100, "0000644");  // mode
  put(block, 108, "0000000");  // user
  put(block, 116, "0000000");  // group
  put(block, size_at, fmt::format("{:011o}", size));
  put(block, 136, "00000000000");  // time
  put(block, sum_at, "        ");  // as if blank while it is summed up
  put(block, 156, "0");            // a regular file
  put(block, magic_at, magic);
  put(block, 329, "0000000");  // device numbers, as other tars write them
  put(block, 337, "0000000");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(block, sum_at, fmt::format("{:06o}", sum));
  block[sum_at + 6] = '\0';
  return block;
}

std::size_t padding_of(std::uint64_t size) {
  return static_cast<std::size_t>((block_size - size % block_size) % block_size);
}

// The name below the archive's folder; empty when it is none.
std::string_view name_in(const Block& header) {
  const std::string_view field(header.data(), name_size);
  const std::string_view name = field.substr(0, field.find('\0'));
  if (!name.starts_with(archive_folder)) return {};
  return name.substr(std::strlen(archive_folder));
}

class ArchiveReader {
 public:
  explicit ArchiveReader(const std::string& path)
      : path_(path), fd_(open_file(path, O_RDONLY | O_NOCTTY)) {
    struct stat status {};
    check("stat " + path, ::fstat(fd_.get(), &status));
    if (!S_ISREG(status.st_mode))
      throw NoBundle(fmt::format("{}: neither a file nor a folder", path));
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (size_ > most_bundle_bytes)
      throw NoBundle(fmt::format("{}: more than {} GiB are no bundle; nospof writes none so large",
                                 path, most_bundle_bytes >> 30U));
  }

  void read_all(Staging& staging) {
    if (size_ < 3 * block_size)
      throw NoBundle(fmt::format("{}: {} bytes are too short for a bundle", path_, size_));
    std::string last;
    while (at_ + end_blocks * block_size < size_) {
      const Block header = block();
      if (at_ == block_size) require_bundle(header);
      const std::string name(name_in(header));
      const std::uint64_t size = size_of(header);
      if (!is_safe_name(name) || header != header_of(name, size)) fail("a header");
      const bool in_order =
          at_ == block_size ? name == envelope_name : name != envelope_name && name > last;
      if (!in_order) fail("the order of the files");
      if (at_ != block_size) last = name;
      copy(name, size, staging);
    }
    for (std::size_t i = 0; i < end_blocks; ++i)
      if (block() != Block{}) fail("the end");
    if (at_ != size_) fail("the end");
  }

 private:
  // A byte that was changed leaves at least one of the two.
  void require_bundle(const Block& header) const {
    if (name_in(header) == envelope_name ||
        std::string_view(header.data() + magic_at, magic.size()) == magic)
      return;
    throw NoBundle(fmt::format(
        "{}: this is no bundle of evidence; `nospof bundle RUN --out FILE` makes one", path_));
  }

  [[noreturn]] void fail(const char* what) const {
    throw Error(
        fmt::format("{}: {} before byte {} is not as nospof writes it: the file was changed or cut",
                    path_, what, at_));
  }

  std::uint64_t size_of(const Block& header) const {
    std::uint64_t size = 0;
    const char* begin = header.data() + size_at;
    const auto [end, error] = std::from_chars(begin, begin + size_digits, size, 8);
    if (error != std::errc{} || end != begin + size_digits) fail("a size");
    if (size > size_ - at_) fail("a size");
    return size;
  }

  void read_exactly(char* data, std::size_t size) {
    while (size > 0) {
      const ssize_t got = ::read(fd_.get(), data, size);
      if (got < 0 && errno == EINTR) continue;
      if (check("read " + path_, got) == 0) fail("the end");
      data += got;
      size -= static_cast<std::size_t>(got);
      at_ += static_cast<std::uint64_t>(got);
    }
  }

  Block block() {
    Block block{};
    read_exactly(block.data(), block.size());
    return block;
  }

  void copy(const std::string& name, std::uint64_t size, Staging& staging) {
    if (name == envelope_name && size > most_envelope_bytes)
      throw Error(
          fmt::format("{}: an envelope of more than {} MiB", path_, most_envelope_bytes >> 20U));
    Staging::Copy copy(staging, name);
    std::array<char, 65536> buffer{};
    for (std::uint64_t left = size; left > 0;) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
      read_exactly(buffer.data(), part);
      copy.add({buffer.data(), part});
      left -= part;
    }
    copy.finish();
    std::array<char, block_size> padding{};
    const std::size_t padded = padding_of(size);
    read_exactly(padding.data(), padded);
    if (padding != std::array<char, block_size>{}) fail("what is between two files");
  }

  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint64_t at_ = 0;
};

void append(int out, const std::string& path, const std::string& from, std::string_view name) {
  const UniqueFd in = open_file(from, O_RDONLY | O_NOFOLLOW);
  struct stat status {};
  check("stat " + from, ::fstat(in.get(), &status));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const Block header = header_of(name, size);
  write_all(out, {header.data(), header.size()}, path);
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(in.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (check("read " + from, got) == 0) break;
    write_all(out, {buffer.data(), static_cast<std::size_t>(got)}, path);
  }
  write_all(out, std::string(padding_of(size), '\0'), path);
}

}  // namespace

void write_archive(const Staging& staging, const std::string& path) {
  const int created = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (created < 0 && errno == EEXIST)
    throw Error(
        fmt::format("{} exists already, and evidence is never overwritten; choose another "
                    "name, or remove it first",
                    path));
  const UniqueFd out(check("create " + path, created));
  try {
    append(out.get(), path, staging.folder() + "/" + envelope_name, envelope_name);
    for (const StagedFile& file : staging.files())
      append(out.get(), path, staging.folder() + "/" + file.name, file.name);
    write_all(out.get(), std::string(end_blocks * block_size, '\0'), path);
    check("flush " + path, ::fsync(out.get()));
  } catch (...) {
    ::unlink(path.c_str());  // half a bundle is none
    throw;
  }
}

void stage_archive(const std::string& path, Staging& staging) {
  ArchiveReader(path).read_all(staging);
}

}  // namespace nospof::evidence
