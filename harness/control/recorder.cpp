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
    : run_(new Run{clock}) {  // clang 14 makes no aggregate in make_shared
  run_->folder = make_folder(fmt::format("{}/{}", root, name), utc_compact(clock.wall()));
  run_->events = open_file(run_->folder + "/events.ndjson", O_WRONLY | O_CREAT | O_APPEND);
}

Recorder Recorder::in_lab(int lab) const {
  return Recorder(run_, lab);
}

void Recorder::event(std::string_view type, json::object fields) {
  const std::lock_guard lock(run_->mutex);
  json::object line{{"t", utc_text(run_->clock.wall())},
                    {"mono_ns", run_->clock.now().time_since_epoch().count()},
                    {"event", type}};
  if (lab_ > 0) line["lab"] = lab_;
  for (auto& [key, value] : fields) line[key] = std::move(value);
  try {
    write_all(run_->events.get(), json::serialize(line) + "\n", run_->folder + "/events.ndjson");
  } catch (const std::exception& e) {
    if (run_->trouble.empty()) run_->trouble = fmt::format("the event {}: {}", type, e.what());
    throw;
  }
}

std::string Recorder::trouble() const {
  const std::lock_guard lock(run_->mutex);
  return run_->trouble;
}

void Recorder::open_samples(Nanoseconds period) {
  if (samples_) return;  // a lab that was made anew goes on in the same file
  std::filesystem::create_directories(folder() + "/samples");
  const auto wall_minus_mono =
      run_->clock.wall().time_since_epoch() - run_->clock.now().time_since_epoch();
  const std::string suffix = lab_ > 1 ? fmt::format("-{}", lab_) : "";
  samples_ = std::make_unique<kinds::SampleFileWriter>(
      fmt::format("{}/samples/https{}.bin", folder(), suffix), period, wall_minus_mono);
}

void Recorder::add_sample(const kinds::Sample& sample) {
  if (samples_) samples_->add(sample);
}

HistoryFiles Recorder::begin_history() {
  int number = 0;
  {
    const std::lock_guard lock(run_->mutex);
    number = ++run_->histories;
  }
  const std::string suffix = number == 1 ? "" : fmt::format("-{}", number);
  event("history", {{"suffix", suffix}});
  return {folder(), suffix};
}

void Recorder::flush_samples() {
  if (samples_) samples_->flush();
}

}  // namespace nospof::control
