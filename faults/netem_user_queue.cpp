#include "faults/netem_user_queue.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr unsigned received_at_once = 64;
constexpr unsigned received_whole_at_once = 16;
constexpr std::size_t verdicts_at_once = 128;
constexpr std::size_t verdict_bytes_at_once = 48 * 1024;
/// Enough for a second of 50,000 packets: a report takes about 800 bytes of it.
constexpr int receive_buffer = 48 << 20;
constexpr std::uint32_t header_bytes = 64;
constexpr std::uint32_t largest_packet = 65'535;
// Numbers that people give their own queues begin at 0.
constexpr std::uint16_t first_number = 20'000;
constexpr std::uint16_t last_number = 20'999;

template <typename Value>
std::string_view raw(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <typename Value>
Value read_as(std::string_view bytes) {
  Value value{};
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

std::size_t block_size_for(PacketQueue::Copy copy) {
  constexpr std::size_t known_of_a_packet = 512;
  return known_of_a_packet + (copy == PacketQueue::Copy::all      ? largest_packet + 1
                              : copy == PacketQueue::Copy::length ? header_bytes
                                                                  : 0);
}

}  // namespace

PacketQueue::PacketQueue(Copy copy, bool whole, std::uint32_t most)
    : copy_(copy), block_size_(block_size_for(copy)) {
  // Not all are lost when one is: reports that find no room are packets that pass.
  const int on = 1;
  check("netlink socket: NETLINK_NO_ENOBUFS",
        ::setsockopt(fd(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on));
  if (::setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
    check("netlink socket: SO_RCVBUF",
          ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer));
  bind();

  NetfilterMessages setup;
  setup.begin(NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG, AF_UNSPEC, 0, number_);
  nfqnl_msg_config_params parameters{};
  parameters.copy_mode = copy == Copy::nothing ? NFQNL_COPY_META : NFQNL_COPY_PACKET;
  parameters.copy_range = htonl(copy == Copy::all ? largest_packet : header_bytes);
  setup.attribute(NFQA_CFG_PARAMS, raw(parameters));
  setup.number32(NFQA_CFG_QUEUE_MAXLEN, most);
  setup.number32(NFQA_CFG_FLAGS, NFQA_CFG_F_FAIL_OPEN | (whole ? NFQA_CFG_F_GSO : 0U));
  setup.number32(NFQA_CFG_MASK, NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO);
  setup.acknowledge_last();
  socket_.execute("set up the packet queue", setup);
  const unsigned count = copy == Copy::all ? received_whole_at_once : received_at_once;
  blocks_.resize(block_size_ * count);
  packets_.reserve(count);
}

void PacketQueue::bind() {
  for (std::uint16_t number = first_number;; ++number) {
    NetfilterMessages command;
    command.begin(NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG, AF_UNSPEC, 0, number);
    nfqnl_msg_config_cmd bind{};
    bind.command = NFQNL_CFG_CMD_BIND;
    command.attribute(NFQA_CFG_CMD, raw(bind));
    command.acknowledge_last();
    try {
      socket_.execute("bind a packet queue (is nfnetlink_queue in this kernel?)", command);
      number_ = number;
      return;
    } catch (const SystemError& error) {
      const bool taken = error.error_number() == EBUSY || error.error_number() == EPERM;
      if (!taken || number == last_number) throw;
    }
  }
}

const std::vector<QueuedPacket>& PacketQueue::receive() {
  packets_.clear();
  std::array<mmsghdr, received_at_once> headers{};
  std::array<iovec, received_at_once> vectors{};
  const auto count = static_cast<unsigned>(blocks_.size() / block_size_);
  for (unsigned i = 0; i < count; ++i) {
    vectors[i] = {blocks_.data() + i * block_size_, block_size_};
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  const int got = ::recvmmsg(fd(), headers.data(), count, MSG_DONTWAIT, nullptr);
  if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) return packets_;
  check("receive from the packet queue", got);
  for (unsigned i = 0; i < static_cast<unsigned>(got); ++i) {
    std::string_view rest(blocks_.data() + i * block_size_, headers[i].msg_len);
    while (rest.size() >= sizeof(nlmsghdr)) {
      const auto header = read_as<nlmsghdr>(rest);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
      if (header.nlmsg_type == NLMSG_ERROR)
        ++refused_;
      else
        take(rest.substr(0, header.nlmsg_len));
      rest.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
    }
  }
  return packets_;
}

void PacketQueue::take(std::string_view message) {
  const auto header = read_as<nlmsghdr>(message);
  if (header.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET)) return;
  message.remove_prefix(sizeof header + sizeof(nfgenmsg));
  QueuedPacket packet;
  bool known = false;
  std::uint32_t whole = 0;
  while (message.size() >= sizeof(nlattr)) {
    const auto attribute = read_as<nlattr>(message);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > message.size()) break;
    const std::string_view value =
        message.substr(sizeof attribute, attribute.nla_len - sizeof attribute);
    switch (attribute.nla_type & NLA_TYPE_MASK) {
      case NFQA_PACKET_HDR: {
        const auto known_of_it = read_as<nfqnl_msg_packet_hdr>(value);
        packet.id = ntohl(known_of_it.packet_id);
        packet.incoming = known_of_it.hook == NF_INET_PRE_ROUTING;
        packet.leaving = known_of_it.hook == NF_INET_POST_ROUTING;
        packet.ipv4 = ntohs(known_of_it.hw_protocol) == ETH_P_IP;
        known = true;
        break;
      }
      case NFQA_MARK:
        packet.mark = ntohl(read_as<std::uint32_t>(value));
        break;
      case NFQA_IFINDEX_OUTDEV:
        packet.out_device = ntohl(read_as<std::uint32_t>(value));
        break;
      case NFQA_CAP_LEN:
        whole = ntohl(read_as<std::uint32_t>(value));
        break;
      case NFQA_PAYLOAD:
        packet.payload = value;
        break;
      default:
        break;
    }
    message.remove_prefix(std::min<std::size_t>(NLA_ALIGN(attribute.nla_len), message.size()));
  }
  packet.bytes = whole != 0 ? whole : static_cast<std::uint32_t>(packet.payload.size());
  if (known) packets_.push_back(packet);
}

void PacketQueue::accept(std::uint32_t id) {
  verdict(id, NF_ACCEPT, {});
}

void PacketQueue::accept_changed(std::uint32_t id, std::string_view payload) {
  verdict(id, NF_ACCEPT, payload);
}

void PacketQueue::accept_unmarked(std::uint32_t id, std::string_view payload) {
  verdict(id, NF_STOP, payload);
}

void PacketQueue::drop(std::uint32_t id) {
  verdict(id, NF_DROP, {});
}

void PacketQueue::verdict(std::uint32_t id, std::uint32_t code, std::string_view payload) {
  verdicts_.begin(NFNL_SUBSYS_QUEUE, NFQNL_MSG_VERDICT, AF_UNSPEC, 0, number_);
  nfqnl_msg_verdict_hdr header{};
  header.verdict = htonl(code);
  header.id = htonl(id);
  verdicts_.attribute(NFQA_VERDICT_HDR, raw(header));
  if (!payload.empty()) verdicts_.attribute(NFQA_PAYLOAD, payload);
  if (code == NF_STOP) verdicts_.number32(NFQA_MARK, 0);
  if (verdicts_.count() >= verdicts_at_once || verdicts_.bytes().size() >= verdict_bytes_at_once)
    flush();
}

void PacketQueue::flush() {
  if (verdicts_.empty()) return;
  try {
    socket_.send("send verdicts to the packet queue", verdicts_);
  } catch (const SystemError& error) {
    // The kernel has executed them; only its answers found no room.
    if (error.error_number() != ENOBUFS && error.error_number() != EAGAIN) throw;
  }
  verdicts_.clear();
}

}  // namespace nospof::faults
