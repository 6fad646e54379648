// What a host tells of itself: nft's listings, netlink messages, the supervisor's and the lab's
// files, what a keeper says, and single words such as quantities, addresses and times. The first
// byte chooses who reads the others.

#include <boost/json/parse.hpp>
#include <sys/socket.h>

#include "agent/services.hpp"
#include "lab/keeper_socket.hpp"
#include "lab/recipe.hpp"
#include "spec/experiment.hpp"
#include "spec/ipv4.hpp"
#include "spec/units.hpp"
#include "spec/url.hpp"
#include "system/check.hpp"
#include "system/hex.hpp"
#include "system/link_state.hpp"
#include "system/nftables.hpp"
#include "system/raw_netlink.hpp"
#include "system/ruleset.hpp"
#include "system/utc.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

using namespace nospof;
using fuzz::must;
using fuzz::try_to;

namespace {

void read_nft(std::string_view listing) {
  parse_nft_tables(listing);
  try_to([&] { parse_nft_base_chains(listing); });
  parse_nft_counters(listing);
}

void read_ruleset(std::string_view listing) {
  split_listing(listing);
  const std::string others = without_own_tables(listing);
  must(without_own_tables(others) == others);
  const std::string plain = without_learned_elements(listing);
  first_difference(listing, plain);
}

void read_netlink(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t header = static_cast<unsigned char>(bytes.front()) % 32U;
  bytes.remove_prefix(1);
  std::size_t count = 0;
  each_attribute(bytes, header, [&](std::uint16_t type, std::string_view value) {
    ++count;
    const auto first = attribute(bytes, header, type);
    must(first.has_value());
    each_attribute(value, 0, [](std::uint16_t, std::string_view) {});
  });
  const std::string again = without_attributes(bytes, header, {});
  std::size_t copied = 0;
  each_attribute(again, header, [&](std::uint16_t, std::string_view) { ++copied; });
  must(copied == count);
}

// An undo record has it.
void read_link_snapshot(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return;
  try_to([&] {
    const LinkState state = link_state_from_json(value.as_object());
    must(link_state_from_json(to_json(state)).name == state.name);
  });
}

void read_recipe_file(std::string_view text) {
  const fuzz::MemoryFile file(text);
  try_to([&] { lab::read_recipe(file.path()); });
}

void read_keeper_message(std::string_view text) {
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  const UniqueFd here(ends[0]);
  UniqueFd there(ends[1]);
  must(::send(there.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  there.reset();
  try_to([&] { lab::receive_message(here.get(), std::chrono::milliseconds(0)); });
}

void read_words(std::string_view text) {
  using namespace spec;
  if (const auto duration = parse_duration(text))
    must(parse_duration(format_duration(*duration)) == duration);
  if (const auto size = parse_size(text)) must(parse_size(format_size(*size)) == size);
  if (const auto bandwidth = parse_bandwidth(text))
    must(parse_bandwidth(format_bandwidth(*bandwidth)) == bandwidth);
  parse_rate(text);
  parse_percent(text);
  parse_money(text);
  parse_ipv4(text);
  if (const auto subnet = parse_subnet(text)) must(subnet->contains(subnet->base));
  parse_https_url(text);
  unknown_placeholder(text);
  parse_figure(text);
  try_to([&] { parse_number_tolerance(text); });
  for (const Figure figure : {Figure::longest_outage, Figure::availability, Figure::count})
    try_to([&] { parse_tolerance(figure, text); });
}

void read_times_and_digits(std::string_view text) {
  if (const auto time = parse_utc(text)) must(parse_utc(utc_text(*time)) == time);
  try_to([&] { must(hex_of(bytes_of_hex(text)) == text); });
  must(bytes_of_hex(hex_of(text)) == text);
  try_to([&] { agent::parse_runit_status(text); });
  is_own_table(text);
}

}  // namespace

namespace nospof::fuzz {

void host(std::string_view bytes) {
  if (bytes.empty()) return;
  const unsigned reader = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  switch (reader % 8) {
    case 0:
      return read_nft(bytes);
    case 1:
      return read_ruleset(bytes);
    case 2:
      return read_netlink(bytes);
    case 3:
      return read_link_snapshot(bytes);
    case 4:
      return read_recipe_file(bytes);
    case 5:
      return read_keeper_message(bytes);
    case 6:
      return read_words(bytes);
    default:
      read_times_and_digits(bytes);
  }
}

}  // namespace nospof::fuzz
