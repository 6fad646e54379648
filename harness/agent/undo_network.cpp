#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "agent/undo_operations.hpp"
#include "system/nftables.hpp"

namespace nospof::agent {

using namespace std::chrono_literals;

bool has_nft_table(const std::string& family, const std::string& table) {
  // A fresh context: its netlink socket belongs to the namespace that the caller is in now.
  return NftContext().has_table({family, table});
}

UndoResult undo_nft_table(const json::object& record, kinds::HostEnv&) {
  const std::string family = text_field(record, "family");
  const std::string table = text_field(record, "table");
  const auto end = std::chrono::steady_clock::now() + 1s;
  bool seen = false;
  while (has_nft_table(family, table)) {
    seen = true;
    if (std::chrono::steady_clock::now() >= end)
      return {
          false, false,
          fmt::format("nftables table {} {} is still there: its owner lives on (nft list tables "
                      "shows it; end the process that owns it)",
                      family, table)};
    std::this_thread::sleep_for(5ms);
  }
  return {true, seen, fmt::format("nftables table {} {} is gone", family, table)};
}

}  // namespace nospof::agent
