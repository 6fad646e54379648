#pragma once
// What the application's pages answer, and what that proves. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "probes/http_ask.hpp"

namespace nospof::probes {

enum class Written {
  yes,      ///< stored, and read back
  no,       ///< certainly not: nothing of the request was sent
  unknown,  ///< it may have been, or may still be
};

/// What became of a write, and the token that the page read back, if it told one.
struct WriteAnswer {
  Written written = Written::unknown;
  std::optional<std::string> read_back;
};

/// `written` is yes when the page says that it did it: the expected status and a "v". Whether "v"
/// is what it may be is for the caller to judge.
WriteAnswer write_answer(const HttpReply& reply, int expect_status);

/// The tokens by their ids; nothing: no good answer. Where an id stands twice the last one counts.
std::optional<std::map<std::string, std::string, std::less<>>> stored_values(const HttpReply& reply,
                                                                             int expect_status);

}  // namespace nospof::probes
