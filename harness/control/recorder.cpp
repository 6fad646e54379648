#include "control/recorder.hpp"

#include <filesystem>

#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "system/check.hpp"

namespace nospof::control {

namespace {
// The first free name: two runs may start within the same second.
std::string make_folder(const std::string& parent, const std::string& base) {
  std::filesystem::create_directories(parent);
  for (int attempt = 1; attempt < 1000; ++attempt) {
    const std::string folder = attempt == 1 ? fmt::format("{}/{}", parent, base)
                                            : fmt::format("{}/{}-{}", parent, base, attempt);
    if (std::filesystem::create_directory(folder)) return folder;
  }
  throw Error(fmt::format("cannot make a folder for the run below {}", parent));
}
}  // namespace

Recorder::Recorder(const std::string& root, const std::string& name, const Clock& clock)
    : clock_(&clock) {
  folder_ = make_folder(fmt::format("{}/{}", root, name), utc_compact(clock.wall()));
  events_ = open_file(folder_ + "/events.ndjson", O_WRONLY | O_CREAT | O_APPEND);
}

void Recorder::event(std::string_view type, json::object fields) {
  json::object line{{"t", utc_text(clock_->wall())},
                    {"mono_ns", clock_->now().time_since_epoch().count()},
                    {"event", type}};
  for (auto& [key, value] : fields) line[key] = std::move(value);
  write_all(events_.get(), json::serialize(line) + "\n", folder_ + "/events.ndjson");
}

void Recorder::open_samples(Nanoseconds period) {
  if (samples_) return;  // a lab that was made anew goes on in the same file
  std::filesystem::create_directories(folder_ + "/samples");
  const auto wall_minus_mono = clock_->wall().time_since_epoch() - clock_->now().time_since_epoch();
  samples_ = std::make_unique<kinds::SampleFileWriter>(folder_ + "/samples/https.bin", period,
                                                       wall_minus_mono);
}

void Recorder::add_sample(const kinds::Sample& sample) {
  if (samples_) samples_->add(sample);
}

HistoryFiles Recorder::begin_history() {
  ++histories_;
  return {folder_, histories_ == 1 ? "" : fmt::format("-{}", histories_)};
}

void Recorder::flush_samples() {
  if (samples_) samples_->flush();
}

}  // namespace nospof::control
