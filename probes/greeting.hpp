#pragma once
// What a server says first. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "probes/outcomes.hpp"

namespace nospof::probes {

/// Looks for a text in what a server sends; fed with whatever bytes came.
class Greeting {
 public:
  static constexpr std::size_t size_limit = 4096;

  explicit Greeting(std::string expected) : expected_(std::move(expected)) {}
  /// Whether the text is there; nothing while more may come.
  std::optional<bool> feed(std::string_view bytes);
  /// What it makes of a connection that ended.
  Failure at_end() const;
  /// What it makes of one whose deadline passed.
  Failure at_deadline() const;

 private:
  std::string expected_;
  std::string said_;
};

}  // namespace nospof::probes
