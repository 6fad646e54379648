#pragma once
// Texts with "{id}" and "{token}" in them: what makes every request tell-apart and every answer
// checkable.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nospof::probes {

/// The two values of one request.
struct RequestNames {
  std::string id;     ///< unique among all requests of all runs
  std::string token;  ///< nothing but an answer to this very request can contain it
};

/// A text split at its placeholders once, filled in often. Other braces stand for themselves.
class PlaceholderText {
 public:
  explicit PlaceholderText(std::string_view text);
  std::string fill(const RequestNames& names) const;
  /// Without placeholders it is the same for every request.
  bool is_constant() const;

 private:
  enum class Kind { literal, id, token };
  struct Piece {
    Kind kind;
    std::string text;
  };
  std::vector<Piece> pieces_;
};

/// Makes the names of one run: ids are the run's marker and the sequence number, tokens the marker
/// and something random. So whoever sees the marker sees that it is a request of this run.
class RequestNamer {
 public:
  /// Without a marker: one of 16 hexadecimal digits from the seed.
  explicit RequestNamer(std::uint64_t seed, std::string marker = {});
  RequestNames name(std::uint64_t sequence);

 private:
  std::uint64_t next();

  std::uint64_t state_;
  std::string marker_;
};

}  // namespace nospof::probes
