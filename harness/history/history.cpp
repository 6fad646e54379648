#include "history/history.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "history/event.hpp"
#include "spec/problems.hpp"
#include "spec/reader.hpp"
#include "system/fd.hpp"

namespace nospof::history {

namespace {

constexpr std::string_view blanks = " \t\r\n,";

// The text from its first character on that is neither blank nor in an EDN comment.
std::string_view beginning(std::string_view text) {
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    if (!text.starts_with(';')) return text;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
}

Format found_format(std::string_view text, const std::string& file) {
  const std::string_view begin = beginning(text);
  if (begin.empty()) refuse(file, {1, 1}, "the file is empty");
  const std::string_view first_line = begin.substr(0, begin.find('\n'));
  const bool logs = first_line.find("jepsen.util") != std::string_view::npos;
  if (begin.front() == '{') {
    const std::string_view inside = beginning(begin.substr(1));
    return inside.starts_with('"') ? Format::json : Format::edn;
  }
  if (!logs && std::string_view("[(#").find(begin.front()) != std::string_view::npos)
    return Format::edn;
  if (text.find("jepsen.util") != std::string_view::npos) return Format::jepsen_log;
  refuse(
      file, {1, 1},
      "no format of a history; expected lines of a Jepsen log (INFO  jepsen.util - 0 :invoke "
      ":read nil), EDN maps ({:process 0, ...}) or JSON objects, one a line; --format forces one");
}

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

}  // namespace

History parse_history(std::string_view text, Format format, const std::string& file) {
  if (text.size() > most_bytes)
    refuse(file, {}, fmt::format("longer than {} bytes; check the history in parts", most_bytes));
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (format == Format::automatic) format = found_format(text, file);
  Events events = format == Format::jepsen_log ? parse_jepsen_log(text, file)
                  : format == Format::edn      ? parse_edn(text, file)
                                               : parse_json_lines(text, file);
  History history = assemble(std::move(events), file);
  history.format = format;
  return history;
}

History read_history(const std::string& path, Format format) {
  std::string text;
  try {
    text = read_file(path);
  } catch (const SystemError& error) {
    refuse(path, {}, fmt::format("cannot be read: {}", error.what()));
  }
  return parse_history(text, format, path);
}

std::string name_of(Format format) {
  switch (format) {
    case Format::automatic:
      return "auto";
    case Format::jepsen_log:
      return "jepsen-log";
    case Format::edn:
      return "edn";
    case Format::json:
      return "json";
  }
  return "";
}

Format parse_format(std::string_view text) {
  for (const Format format : {Format::automatic, Format::jepsen_log, Format::edn, Format::json})
    if (text == name_of(format)) return format;
  throw Error(fmt::format("--format {}: expected auto, jepsen-log, edn or json", text));
}

std::string name_of(Model model) {
  return model == Model::ledger ? "ledger" : "register";
}

}  // namespace nospof::history
