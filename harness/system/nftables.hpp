#pragma once
// nftables in process, through libnftables: no nft(8) is started.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct nft_ctx;

namespace nospof {

/// A table of the packet filter.
struct NftTable {
  std::string family;  ///< "ip", "inet", "netdev", ...
  std::string name;
  friend bool operator==(const NftTable&, const NftTable&) = default;
};

/// A chain that hangs on a hook of the kernel.
struct NftBaseChain {
  NftTable table;
  std::string name;
  std::string hook;  ///< "ingress", "egress", "input", ...
  std::int64_t priority = 0;
};

/// What the counter of one rule has seen.
struct NftCounter {
  std::string chain;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

// Out of what nft prints. Not out of its JSON: libnftables 1.0.6 uses memory that it has freed when
// it prints a table with flags that way. Pure.
std::vector<NftTable> parse_nft_tables(std::string_view listing);
/// The listing must have numeric priorities.
std::vector<NftBaseChain> parse_nft_base_chains(std::string_view listing);
std::vector<NftCounter> parse_nft_counters(std::string_view listing);

/// One netlink socket to nftables. It acts in the network namespace that the calling thread was in
/// when it was made, whatever thread uses it later. Tables that it adds with the flag `owner`
/// belong to it: nobody else can change or delete them, and the kernel removes them when its socket
/// closes, be it by the destructor or by the death of the process. (A forked child that has not
/// called exec yet holds the socket too; spawn() closes it.) Not for use by two threads at once.
class NftContext {
 public:
  NftContext();
  NftContext(NftContext&& other) noexcept;
  NftContext& operator=(NftContext&& other) noexcept;
  ~NftContext();

  /// Commands as in a file for `nft -f`, all or nothing. Throws Error with nft's own message.
  void run(const std::string& commands);

  /// What `nft -s -t list ...` prints: no values of counters, no handles, no elements of named
  /// sets, so that two texts are equal when nobody changed the rules. `what` is e.g. "ruleset".
  std::string list_text(const std::string& what);
  /// What `nft -s list ...` prints: as above, but with the elements of named sets.
  std::string list_elements(const std::string& what);
  /// What `nft list ...` prints: everything that can be read back, with values of counters and the
  /// time that elements have left.
  std::string list_state(const std::string& what);

  std::vector<NftTable> tables();
  bool has_table(const NftTable& table);
  std::vector<NftBaseChain> base_chains();
  /// Counters of the rules of one table, in the order of the rules. Throws Error when there is none
  /// of that name.
  std::vector<NftCounter> counters(const NftTable& table);

 private:
  struct Free {
    void operator()(nft_ctx* context) const noexcept;
  };
  std::string execute(const std::string& commands, unsigned output_flags);
  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace nospof
