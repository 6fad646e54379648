#include "system/nftables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// As nft 1.0.6 prints it with numeric priorities.
constexpr const char* listing = R"(table netdev nospof_1 { # progname nospof
	flags owner

	chain in_2 {
		type filter hook ingress device "eth0" priority -2147483648; policy accept;
		ip saddr { 198.18.0.1, 198.18.0.2 } counter packets 7 bytes 420 drop
		counter packets 0 bytes 0 drop
	}

	chain out_2 {
		type filter hook egress devices = { "eth0", "priority" } priority 0; policy accept;
		counter packets 18446744073709551615 bytes 1 drop
	}
}
table inet host {
	counter named {
		packets 5 bytes 6
	}

	set known {
		type ipv4_addr
		elements = { 198.18.0.1 }
	}

	chain regular {
		tcp dport 22 accept
	}

	chain in {
		type filter hook input priority -300; policy drop;
		ct state established counter packets 3 bytes 9
	}
}
)";

TEST(NftListing, Tables) {
  EXPECT_THAT(parse_nft_tables("table inet fw\ntable netdev x\n"),
              ElementsAre(NftTable{"inet", "fw"}, NftTable{"netdev", "x"}));
  EXPECT_THAT(parse_nft_tables(listing),
              ElementsAre(NftTable{"netdev", "nospof_1"}, NftTable{"inet", "host"}));
  EXPECT_THAT(parse_nft_tables(""), IsEmpty());
}

TEST(NftListing, BaseChainsWithHookAndPriority) {
  const auto chains = parse_nft_base_chains(listing);
  ASSERT_EQ(chains.size(), 3U);
  EXPECT_EQ(chains[0].table, (NftTable{"netdev", "nospof_1"}));
  EXPECT_EQ(chains[0].name, "in_2");
  EXPECT_EQ(chains[0].hook, "ingress");
  EXPECT_EQ(chains[0].priority, -2147483648LL);
  EXPECT_EQ(chains[1].hook, "egress");
  EXPECT_EQ(chains[1].priority, 0);
  EXPECT_EQ(chains[2].table.name, "host");
  EXPECT_EQ(chains[2].hook, "input");
  EXPECT_EQ(chains[2].priority, -300);
}

TEST(NftListing, ANamedPriorityIsAnErrorNotAGuess) {
  EXPECT_ANY_THROW(parse_nft_base_chains(
      "table inet a {\n\tchain b {\n\t\ttype filter hook input priority filter; policy accept;\n"));
}

TEST(NftListing, CountersOfRulesOnly) {
  const auto counters = parse_nft_counters(listing);
  ASSERT_EQ(counters.size(), 4U);
  EXPECT_EQ(counters[0].chain, "in_2");
  EXPECT_EQ(counters[0].packets, 7U);
  EXPECT_EQ(counters[0].bytes, 420U);
  EXPECT_EQ(counters[1].packets, 0U);
  EXPECT_EQ(counters[2].chain, "out_2");
  EXPECT_EQ(counters[2].packets, 18446744073709551615U);
  EXPECT_EQ(counters[3].chain, "in");
  EXPECT_EQ(counters[3].bytes, 9U);
}

}  // namespace
}  // namespace nospof
