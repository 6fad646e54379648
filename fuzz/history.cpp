// Histories of clients in any format: they are read, judged and written again.

#include <cstdint>
#include <cstdlib>

#include "history/judge.hpp"
#include "history/text.hpp"
#include "history/write.hpp"
#include "spec/problems.hpp"

using namespace nospof::history;

namespace {

/// What we write ourselves we must be able to read.
void read_again(const History& history, const std::string& text) {
  try {
    if (parse_history(text).operations.size() != history.operations.size()) std::abort();
  } catch (const nospof::spec::SpecError&) {
    // Times and values that one format has, the other may not.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const Format format : {Format::automatic, Format::jepsen_log, Format::edn, Format::json}) {
    try {
      const History history = parse_history(text, format);
      Rules rules;
      rules.limits = {20'000, 1U << 24U};
      const auto judged = judge(history, rules);
      judgement_text("fuzzed", history, judged);
      judgement_json("fuzzed", history, judged);
      if (history.operations.empty()) continue;
      read_again(history, edn_text(history));
      read_again(history, json_lines(history));
    } catch (const nospof::spec::SpecError&) {
    }
  }
  return 0;
}
