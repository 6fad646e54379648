#pragma once
// A host's own packet filter rules: everything that nospof did not add itself.

#include <string>
#include <string_view>
#include <vector>

#include "system/nftables.hpp"

namespace nospof {

/// Tables that nospof adds have this and eight hexadecimal digits as their name, in whatever
/// family.
inline constexpr std::string_view own_table_prefix = "nospof_";
bool is_own_table(std::string_view name);

/// One table as nft lists it, from "table ..." to the closing brace.
struct TableListing {
  NftTable table;
  std::string text;
  bool has_owner = false;  ///< belongs to a living process, which alone can change it
};
/// Takes a listing of a ruleset apart. Pure.
std::vector<TableListing> split_listing(std::string_view listing);

/// Without the tables that nospof added. Pure.
std::string without_own_tables(std::string_view listing);

/// A stateless listing without what comes and goes with traffic: the elements of sets and maps that
/// are dynamic or whose elements time out. Two such texts are equal when nobody changed the rules.
/// Pure.
std::string without_learned_elements(std::string_view listing);

/// The line that one listing has and the other has not, as a sentence. Pure.
std::string first_difference(std::string_view before, std::string_view now);

/// The rules of a host that can be taken away and put back: tables that are neither nospof's nor of
/// a living owner.
struct HostRuleset {
  std::vector<NftTable> tables;
  std::string restorable;  ///< a text for nft that adds them again, counters and time left included
  std::string comparable;  ///< see without_learned_elements()
  std::vector<NftTable> owned;  ///< tables of other living processes
  std::string untranslatable;   ///< a line that nft prints but can't read back; empty: none
};
/// Of the calling thread's network namespace. Throws Error when it can't be read, or changes all
/// the time.
HostRuleset read_host_ruleset();

/// The rules that a text for nft makes where there are none: it is loaded into a network namespace
/// that exists for this only and has devices of the same names. Throws Error with nft's message.
HostRuleset try_ruleset(const std::string& commands);

}  // namespace nospof
