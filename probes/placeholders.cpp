#include "probes/placeholders.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace nospof::probes {

namespace {
constexpr std::string_view id_mark = "{id}";
constexpr std::string_view token_mark = "{token}";
}  // namespace

PlaceholderText::PlaceholderText(std::string_view text) {
  while (!text.empty()) {
    const std::size_t at = std::min(text.find(id_mark), text.find(token_mark));
    if (at != 0) pieces_.push_back({Kind::literal, std::string(text.substr(0, at))});
    if (at == std::string_view::npos) return;
    text.remove_prefix(at);
    const bool is_id = text.starts_with(id_mark);
    pieces_.push_back({is_id ? Kind::id : Kind::token, {}});
    text.remove_prefix(is_id ? id_mark.size() : token_mark.size());
  }
}

std::string PlaceholderText::fill(const RequestNames& names) const {
  std::string filled;
  std::size_t size = 0;
  for (const Piece& piece : pieces_)
    size += piece.text.size() + std::max(names.id.size(), names.token.size());
  filled.reserve(size);
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::literal:
        filled += piece.text;
        break;
      case Kind::id:
        filled += names.id;
        break;
      case Kind::token:
        filled += names.token;
        break;
    }
  }
  return filled;
}

bool PlaceholderText::is_constant() const {
  return std::ranges::all_of(pieces_,
                             [](const Piece& piece) { return piece.kind == Kind::literal; });
}

RequestNamer::RequestNamer(std::uint64_t seed, std::string marker)
    : state_(seed), marker_(std::move(marker)) {
  if (marker_.empty()) marker_ = fmt::format("{:016x}", next());
}

RequestNames RequestNamer::name(std::uint64_t sequence) {
  return {fmt::format("{}-{}", marker_, sequence), fmt::format("{}{:016x}", marker_, next())};
}

// splitmix64: every state is visited once, so no two tokens of a run are the same.
std::uint64_t RequestNamer::next() {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

}  // namespace nospof::probes
