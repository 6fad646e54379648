#include "kinds/sample_file.hpp"

#include <array>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::kinds {

namespace {

constexpr std::string_view magic = "NOSPOFS1";
constexpr std::size_t header_size = 32;
constexpr std::size_t record_size = 48;
constexpr std::size_t records_per_write = 1000;
constexpr std::size_t records_per_read = 1000;
// No machine is up for 36 years, and no clock is set 146 years after 1970. Below these, differences
// of times and their sum with the wall clock's offset do not overflow.
constexpr std::int64_t most_uptime_ns = std::int64_t{1} << 60U;
constexpr std::int64_t most_wall_ns = std::int64_t{1} << 62U;

template <typename T>
void put(std::string& out, T value) {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(bits & 0xffU));
    if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits >> 8U);
  }
}

template <typename T>
T take(std::string_view& in) {
  std::make_unsigned_t<T> bits = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) {
    if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits << 8U);
    bits = static_cast<decltype(bits)>(bits | static_cast<unsigned char>(in[i]));
  }
  in.remove_prefix(sizeof(T));
  return static_cast<T>(bits);
}

void put_record(std::string& out, const Sample& sample) {
  put(out, sample.sequence);
  put(out, sample.scheduled_ns);
  put(out, sample.started_ns);
  put(out, sample.finished_ns);
  put(out, static_cast<std::uint8_t>(sample.outcome));
  put(out, std::uint8_t{0});
  put(out, sample.detail);
  put(out, std::uint32_t{0});
  put(out, std::uint64_t{0});
}

bool is_time(std::int64_t ns) {
  return ns >= -most_uptime_ns && ns <= most_uptime_ns;
}

Sample take_record(std::string_view record, const std::string& path, std::size_t index) {
  Sample sample;
  sample.sequence = take<std::uint64_t>(record);
  sample.scheduled_ns = take<std::int64_t>(record);
  sample.started_ns = take<std::int64_t>(record);
  sample.finished_ns = take<std::int64_t>(record);
  const auto outcome = take<std::uint8_t>(record);
  take<std::uint8_t>(record);
  sample.detail = take<std::uint16_t>(record);
  if (outcome >= outcome_count)
    throw Error(
        fmt::format("{}: record {} has the unknown outcome {}; the file is damaged, or was "
                    "written by a newer nospof",
                    path, index, outcome));
  sample.outcome = static_cast<Outcome>(outcome);
  if (!is_time(sample.scheduled_ns) || !is_time(sample.started_ns) || !is_time(sample.finished_ns))
    throw Error(fmt::format("{}: record {} has a time that no clock says; the file is damaged",
                            path, index));
  return sample;
}

}  // namespace

SampleFileWriter::SampleFileWriter(std::string path, Nanoseconds period,
                                   Nanoseconds wall_minus_mono)
    : path_(std::move(path)), fd_(open_file(path_, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)) {
  waiting_ = magic;
  put(waiting_, static_cast<std::uint32_t>(record_size));
  put(waiting_, std::uint32_t{0});
  put(waiting_, static_cast<std::uint64_t>(period.count()));
  put(waiting_, static_cast<std::uint64_t>(wall_minus_mono.count()));
  flush();
}

SampleFileWriter::~SampleFileWriter() {
  try {
    flush();
  } catch (const SystemError&) {
    // Told by the last flush() that its user called; nothing more can be done here.
  }
}

void SampleFileWriter::add(const Sample& sample) {
  put_record(waiting_, sample);
  if (waiting_.size() >= records_per_write * record_size) flush();
}

void SampleFileWriter::flush() {
  if (waiting_.empty()) return;
  try {
    write_all(fd_.get(), waiting_, path_);
  } catch (const SystemError&) {
    // A half-written record in the middle would shift all that follow.
    check("cut " + path_ + " to whole records", ::ftruncate(fd_.get(), size_));
    throw;
  }
  size_ += static_cast<std::int64_t>(waiting_.size());
  waiting_.clear();
}

SampleFileReader::SampleFileReader(std::string path)
    : path_(std::move(path)), fd_(open_file(path_, O_RDONLY)) {
  fill(header_size);
  std::string_view rest = ahead_;
  if (rest.size() < header_size)
    throw Error(fmt::format("{}: {} bytes are too short for a sample file (header of {})", path_,
                            rest.size(), header_size));
  if (!rest.starts_with(magic))
    throw Error(fmt::format("{}: not a sample file (it does not begin with {})", path_, magic));
  rest.remove_prefix(magic.size());
  if (const auto size = take<std::uint32_t>(rest); size != record_size)
    throw Error(fmt::format("{}: records of {} bytes, but this nospof reads records of {}", path_,
                            size, record_size));
  take<std::uint32_t>(rest);
  period_ = Nanoseconds(take<std::int64_t>(rest));
  wall_minus_mono_ = Nanoseconds(take<std::int64_t>(rest));
  if (!is_time(period_.count()) || wall_minus_mono_.count() < -most_uptime_ns ||
      wall_minus_mono_.count() > most_wall_ns)
    throw Error(
        fmt::format("{}: its header has a time that no clock says; the file is damaged", path_));
  used_ = header_size;
}

// Until so many bytes are ahead, or the file ends.
void SampleFileReader::fill(std::size_t wanted) {
  ahead_.erase(0, used_);
  used_ = 0;
  std::array<char, records_per_read * record_size> chunk;
  while (ahead_.size() < wanted) {
    const ssize_t got = ::read(fd_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (check("read " + path_, got) == 0) return;
    ahead_.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

std::optional<Sample> SampleFileReader::next() {
  if (ahead_.size() - used_ < record_size) fill(record_size);
  const std::size_t left = ahead_.size() - used_;
  if (left < record_size) {
    torn_ = left > 0;
    return std::nullopt;
  }
  const std::string_view record = std::string_view(ahead_).substr(used_, record_size);
  used_ += record_size;
  return take_record(record, path_, records_++);
}

SampleFile read_sample_file(const std::string& path) {
  SampleFileReader reader(path);
  SampleFile file;
  file.period = reader.period();
  file.wall_minus_mono = reader.wall_minus_mono();
  while (const auto sample = reader.next()) file.samples.push_back(*sample);
  file.torn = reader.torn();
  return file;
}

std::string csv_header() {
  return "sequence,scheduled_ns,started_ns,finished_ns,outcome,detail,latency_ns,service_ns,"
         "scheduled_utc,probe\n";
}

std::string csv_line(const Sample& sample, Nanoseconds wall_minus_mono, std::string_view probe) {
  const WallTime due(Nanoseconds(sample.scheduled_ns) + wall_minus_mono);
  return fmt::format("{},{},{},{},{},{},{},{},{},{}\n", sample.sequence, sample.scheduled_ns,
                     sample.started_ns, sample.finished_ns, outcome_name(sample.outcome),
                     sample.detail, sample.finished_ns - sample.scheduled_ns,
                     sample.finished_ns - sample.started_ns,
                     wall_minus_mono == Nanoseconds(0) ? std::string() : utc_text(due), probe);
}

}  // namespace nospof::kinds
