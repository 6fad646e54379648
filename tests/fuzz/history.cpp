// Histories of clients in any format: they are read, judged and written again.

#include <cstdlib>

#include "history/judge.hpp"
#include "history/text.hpp"
#include "history/write.hpp"
#include "spec/problems.hpp"
#include "tests/fuzz/targets.hpp"

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

namespace nospof::fuzz {

void history(std::string_view bytes) {
  for (const Format format : {Format::automatic, Format::jepsen_log, Format::edn, Format::json}) {
    try {
      const History read = parse_history(bytes, format);
      Rules rules;
      rules.limits = {20'000, 1U << 24U};
      const auto judged = judge(read, rules);
      judgement_text("fuzzed", read, judged);
      judgement_json("fuzzed", read, judged);
      if (read.operations.empty()) continue;
      read_again(read, edn_text(read));
      read_again(read, json_lines(read));
    } catch (const spec::SpecError&) {
    }
  }
}

}  // namespace nospof::fuzz
