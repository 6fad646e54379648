#include "agent/journal.hpp"

#include <algorithm>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::agent {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

Holder holder_from(const json::object& fields) {
  Holder holder;
  holder.process.pid = fields.at("pid").to_number<pid_t>();
  holder.process.start_time = fields.at("start_time").to_number<std::uint64_t>();
  holder.boot_id = json::value_to<std::string>(fields.at("boot_id"));
  holder.pid_namespace = fields.at("pid_namespace").to_number<std::uint64_t>();
  holder.init_start_time = fields.at("init_start_time").to_number<std::uint64_t>();
  return holder;
}

void take_line(const json::object& line, JournalContent& content) {
  if (const json::value* holder = line.if_contains("holder")) {
    content.holder = holder_from(holder->as_object());
    content.host = json::value_to<std::string>(line.at("host"));
  } else if (const json::value* undo = line.if_contains("undo")) {
    const auto number = undo->to_number<std::int64_t>();
    content.open.push_back(
        {number, json::value_to<std::string>(line.at("injection")), line.at("record").as_object()});
    content.last_number = std::max(content.last_number, number);
  } else if (const json::value* done = line.if_contains("done")) {
    const auto number = done->to_number<std::int64_t>();
    std::erase_if(content.open, [&](const OpenRecord& entry) { return entry.number == number; });
  } else if (line.if_contains("failed") == nullptr) {
    ++content.unreadable;
  }
}

}  // namespace

Holder this_holder() {
  Holder holder;
  const pid_t self = ::getpid();
  if (const auto state = read_process(self)) holder.process = state->id;
  if (const auto init = read_process(1)) holder.init_start_time = init->id.start_time;
  holder.boot_id = read_file("/proc/sys/kernel/random/boot_id");
  while (!holder.boot_id.empty() && holder.boot_id.back() == '\n') holder.boot_id.pop_back();
  struct stat ns {};
  check("stat /proc/self/ns/pid", ::stat("/proc/self/ns/pid", &ns));
  holder.pid_namespace = ns.st_ino;
  return holder;
}

JournalContent parse_journal(std::string_view text) {
  JournalContent content;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      content.torn = true;
      break;
    }
    try {
      const std::string_view line = text.substr(0, end);
      if (!line.empty()) take_line(json::parse(line).as_object(), content);
    } catch (const std::exception&) {
      ++content.unreadable;
    }
    text.remove_prefix(end + 1);
  }
  return content;
}

std::optional<Journal> Journal::lock(const std::string& path, std::chrono::milliseconds at_most,
                                     const Clock& clock) {
  UniqueFd fd = open_file(path, O_RDWR | O_CREAT | O_APPEND, 0600);
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) check("flock " + path, -1);
    if (std::chrono::steady_clock::now() >= end) return std::nullopt;
    std::this_thread::sleep_for(10ms);
  }
  Journal journal(std::move(fd), path, clock);
  const JournalContent content = journal.read();
  journal.last_number_ = content.last_number;
  journal.torn_ = content.torn;
  return journal;
}

JournalContent Journal::peek(const std::string& path) {
  try {
    return parse_journal(read_file(path));
  } catch (const SystemError& e) {
    if (e.error_number() == ENOENT) return {};
    throw;
  }
}

JournalContent Journal::read() const {
  return peek(path_);
}

std::string journal_line(const json::object& line) {
  std::string text = json::serialize(line);
  boost::system::error_code error;
  json::parse(text, error);
  if (error)
    throw Error(fmt::format("the journal would not be able to read this again ({}): {}",
                            error.message(), text));
  return text + "\n";
}

void Journal::append(json::object line) {
  line["mono_ns"] = clock_->now().time_since_epoch().count();
  line["wall"] = utc_text(clock_->wall());
  // What follows a torn line must not be glued to it.
  const std::string text = (torn_ ? "\n" : "") + journal_line(line);
  torn_ = true;
  write_all(fd_.get(), text, path_);
  torn_ = false;
  check("fdatasync " + path_, ::fdatasync(fd_.get()));
}

void Journal::begin(const std::string& host, const Holder& holder) {
  check("truncate " + path_, ::ftruncate(fd_.get(), 0));
  torn_ = false;
  append({{"holder",
           {{"pid", holder.process.pid},
            {"start_time", holder.process.start_time},
            {"boot_id", holder.boot_id},
            {"pid_namespace", holder.pid_namespace},
            {"init_start_time", holder.init_start_time}}},
          {"host", host}});
}

OpenRecord Journal::add(const std::string& injection, kinds::UndoRecord record) {
  OpenRecord entry{++last_number_, injection, std::move(record)};
  append({{"undo", entry.number}, {"injection", injection}, {"record", entry.record}});
  return entry;
}

void Journal::settle(std::int64_t number, std::string_view by, const UndoResult& result) noexcept {
  try {
    json::object line{{result.done ? "done" : "failed", number}, {"by", by}};
    line["changed"] = result.changed;
    line["detail"] = result.detail;
    append(std::move(line));
  } catch (const std::exception&) {
    // A record that stays open is undone once more, and undoing twice does nothing.
  }
}

}  // namespace nospof::agent
