#include "probes/conversations.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace nospof::probes {

namespace {

constexpr const char* what = "plaintext";

// Stands for all that there is no room for: no conversation is between these.
const Conversation others{};

}  // namespace

std::string text_of(const Conversation& conversation) {
  return fmt::format("{} -> {}/{}", text_of(conversation.client), text_of(conversation.server),
                     text_of(conversation.transport));
}

std::size_t Servers::EndHash::operator()(const FlowEnd& end) const noexcept {
  const std::string_view bytes(reinterpret_cast<const char*>(end.address.data()),
                               end.address.size());
  return std::hash<std::string_view>{}(bytes) ^ (std::size_t{end.port} * 0x9e3779b97f4a7c15U);
}

void Servers::learn(const Packet& packet) {
  if (packet.syn && packet.ack) accepting_.at(packet.flow.from);
}

Conversation Servers::conversation(const Flow& flow) {
  const bool tcp = flow.transport == Transport::tcp;
  const bool from_accepts = tcp && accepting_.find(flow.from) != nullptr;
  const bool to_accepts = tcp && accepting_.find(flow.to) != nullptr;
  bool from_is_server = from_accepts;
  if (from_accepts == to_accepts)
    from_is_server = flow.from.port == flow.to.port ? flow.from.address > flow.to.address
                                                    : flow.from.port < flow.to.port;
  Conversation conversation{flow.from, flow.to, flow.transport};
  if (from_is_server) std::swap(conversation.client, conversation.server);
  conversation.client.port = 0;
  return conversation;
}

std::string Sightings::subject(const Conversation& conversation) const {
  return conversation == others ? "other conversations" : text_of(conversation);
}

bool Sightings::saw(const Conversation& conversation, std::int64_t at_ns) {
  auto entry = seen_.find(conversation);
  const bool room = entry != seen_.end() || seen_.size() < most_;
  if (entry == seen_.end()) entry = seen_.try_emplace(room ? conversation : others).first;
  Seen& seen = entry->second;
  seen.last_ns = std::max(seen.last_ns, at_ns);
  return seen.count++ == 0;
}

kinds::Finding Sightings::finding(const Conversation& conversation, std::int64_t at_ns,
                                  std::int64_t since_ns, std::string detail) const {
  const bool has_place = seen_.contains(conversation);
  return {.at_ns = at_ns,
          .since_ns = since_ns,
          .what = what,
          .subject = subject(has_place ? conversation : others),
          .detail = std::move(detail),
          .violation = true,
          .over = false};
}

std::vector<kinds::Finding> Sightings::take_over(std::int64_t now_ns) {
  std::vector<kinds::Finding> over;
  for (auto entry = seen_.begin(); entry != seen_.end();) {
    const Seen& seen = entry->second;
    if (now_ns - seen.last_ns < quiet_.count()) {
      ++entry;
      continue;
    }
    over.push_back(
        {.at_ns = now_ns,
         .since_ns = seen.last_ns,
         .what = what,
         .subject = subject(entry->first),
         .detail = fmt::format("seen in {} packet{}", seen.count, seen.count == 1 ? "" : "s"),
         .violation = true,
         .over = true});
    entry = seen_.erase(entry);
  }
  return over;
}

}  // namespace nospof::probes
