#include "system/nftables.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace {

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

// Words and quoted words, and the signs that nft puts right behind a word.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t begin = line.find_first_not_of(" \t;");
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(line.find_first_of(" \t;", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The word behind the last `key`, or nothing.
std::optional<std::string_view> word_after(const std::vector<std::string_view>& words,
                                           std::string_view key) {
  for (std::size_t i = words.size(); i-- > 1;)
    if (words[i - 1] == key) return words[i];
  return std::nullopt;
}

// Calls back for each line, with the table and the chain that it stands in (empty: none).
template <typename Visit>
void each_line(std::string_view listing, Visit visit) {
  NftTable table;
  std::string chain;
  while (!listing.empty()) {
    const std::size_t end = std::min(listing.find('\n'), listing.size());
    const auto words = words_of(listing.substr(0, end));
    listing.remove_prefix(std::min(end + 1, listing.size()));
    if (words.size() >= 3 && words[0] == "table") {
      table = {std::string(words[1]), std::string(words[2])};
      chain.clear();
    } else if (words.size() >= 3 && words[0] == "chain" && words[2] == "{") {
      chain = words[1];
    } else if (words.size() == 1 && words[0] == "}") {
      chain.clear();
    }
    visit(words, table, chain);
  }
}

}  // namespace

void NftContext::Free::operator()(nft_ctx* context) const noexcept {
  ::nft_ctx_free(context);
}

NftContext::NftContext() {
  // libnftables ends the whole process when it cannot open its socket: find that out before it
  // does.
  UniqueFd(check("open a netlink socket to nftables (is nf_tables in this kernel?)",
                 ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)))
      .reset();
  context_.reset(::nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context_) throw SystemError("open a netlink socket to nftables", errno);
  // Without buffers libnftables would write to our stdout, which may be the line to the controller.
  if (::nft_ctx_buffer_output(context_.get()) != 0 || ::nft_ctx_buffer_error(context_.get()) != 0)
    throw Error("nftables: no memory for its output");
}

NftContext::NftContext(NftContext&& other) noexcept = default;
NftContext& NftContext::operator=(NftContext&& other) noexcept = default;
NftContext::~NftContext() = default;

std::string NftContext::execute(const std::string& commands, unsigned output_flags) {
  ::nft_ctx_output_set_flags(context_.get(), output_flags);
  const int result = ::nft_run_cmd_from_buffer(context_.get(), commands.c_str());
  const char* output = ::nft_ctx_get_output_buffer(context_.get());
  const char* errors = ::nft_ctx_get_error_buffer(context_.get());
  std::string text = output != nullptr ? output : "";
  const std::string message = errors != nullptr ? errors : "";
  if (result != 0)
    throw Error(fmt::format("nft '{}': {}", first_line(commands),
                            message.empty() ? "failed without a message" : first_line(message)));
  return text;
}

void NftContext::run(const std::string& commands) {
  execute(commands, 0);
}

std::string NftContext::list_text(const std::string& what) {
  return execute("list " + what, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
}

std::string NftContext::list_elements(const std::string& what) {
  return execute("list " + what, NFT_CTX_OUTPUT_STATELESS);
}

std::string NftContext::list_state(const std::string& what) {
  return execute("list " + what, 0);
}

std::vector<NftTable> NftContext::tables() {
  return parse_nft_tables(execute("list tables", 0));
}

bool NftContext::has_table(const NftTable& table) {
  const auto all = tables();
  return std::find(all.begin(), all.end(), table) != all.end();
}

std::vector<NftBaseChain> NftContext::base_chains() {
  return parse_nft_base_chains(execute("list chains", NFT_CTX_OUTPUT_NUMERIC_PRIO));
}

std::vector<NftCounter> NftContext::counters(const NftTable& table) {
  return parse_nft_counters(execute(fmt::format("list table {} {}", table.family, table.name), 0));
}

std::vector<NftTable> parse_nft_tables(std::string_view listing) {
  std::vector<NftTable> found;
  each_line(listing, [&found](const auto& words, const NftTable& table, const std::string&) {
    if (!words.empty() && words[0] == "table") found.push_back(table);
  });
  return found;
}

std::vector<NftBaseChain> parse_nft_base_chains(std::string_view listing) {
  std::vector<NftBaseChain> found;
  each_line(listing, [&found](const auto& words, const NftTable& table, const std::string& chain) {
    if (words.empty() || words[0] != "type" || chain.empty()) return;
    const auto hook = word_after(words, "hook");
    const auto priority = word_after(words, "priority");
    if (!hook || !priority) return;
    const auto number = number_of<std::int64_t>(*priority);
    if (!number)
      throw Error(fmt::format("nft: chain {} {} {} has priority '{}', which is no number",
                              table.family, table.name, chain, *priority));
    found.push_back({table, chain, std::string(*hook), *number});
  });
  return found;
}

std::vector<NftCounter> parse_nft_counters(std::string_view listing) {
  std::vector<NftCounter> found;
  each_line(listing, [&found](const auto& words, const NftTable&, const std::string& chain) {
    if (chain.empty()) return;
    for (std::size_t i = 0; i + 4 < words.size(); ++i) {
      if (words[i] != "counter" || words[i + 1] != "packets" || words[i + 3] != "bytes") continue;
      const auto packets = number_of<std::uint64_t>(words[i + 2]);
      const auto bytes = number_of<std::uint64_t>(words[i + 4]);
      if (packets && bytes) found.push_back({chain, *packets, *bytes});
    }
  });
  return found;
}

}  // namespace nospof
