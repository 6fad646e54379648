#include "system/packet_ring.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/packet_socket.hpp"

namespace nospof {

namespace {

// The largest frame, 64 KiB before the kernel has cut it into packets, fits with its headers.
constexpr std::size_t block_bytes = std::size_t{256} * 1024;
constexpr std::size_t frame_bytes = 2048;  // TPACKET_V3 packs them closer; it must only be valid

// What goes over a loopback device is thrown away before it takes room in the ring.
void leave_out_loopback(const UniqueFd& socket) {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, static_cast<unsigned>(SKF_AD_OFF + SKF_AD_HATYPE)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_LOOPBACK, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, block_bytes),
  }};
  const sock_fprog filter{program.size(), program.data()};
  check("filter a packet socket",
        ::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

template <typename Header>
const Header* header_at(const char* where) {
  return reinterpret_cast<const Header*>(where);  // the kernel aligns them
}

CapturedFrame frame_at(const char* where) {
  const auto* frame = header_at<tpacket3_hdr>(where);
  const auto* from = header_at<sockaddr_ll>(where + TPACKET_ALIGN(sizeof(tpacket3_hdr)));
  CapturedFrame captured;
  captured.bytes = {where + frame->tp_mac, frame->tp_snaplen};
  captured.network_offset = std::min<std::size_t>(
      frame->tp_net - std::min(frame->tp_net, frame->tp_mac), captured.bytes.size());
  captured.protocol = ntohs(from->sll_protocol);
  captured.hardware = from->sll_hatype;
  captured.interface = from->sll_ifindex;
  captured.wall_ns = std::int64_t{frame->tp_sec} * 1'000'000'000 + frame->tp_nsec;
  captured.whole = frame->tp_snaplen == frame->tp_len;
  return captured;
}

}  // namespace

PacketRing::PacketRing(std::size_t bytes)
    : socket_(open_packet_socket(0)), blocks_(std::max<std::size_t>(2, bytes / block_bytes)) {
  const int version = TPACKET_V3;
  check("ask for TPACKET_V3",
        ::setsockopt(socket_.get(), SOL_PACKET, PACKET_VERSION, &version, sizeof version));
  leave_out_loopback(socket_);
  tpacket_req3 request{};
  request.tp_block_size = block_bytes;
  request.tp_block_nr = static_cast<unsigned>(blocks_);
  request.tp_frame_size = frame_bytes;
  request.tp_frame_nr = static_cast<unsigned>(blocks_ * (block_bytes / frame_bytes));
  request.tp_retire_blk_tov = latency_ms;
  check("make a ring for packets",
        ::setsockopt(socket_.get(), SOL_PACKET, PACKET_RX_RING, &request, sizeof request));
  memory_ =
      ::mmap(nullptr, blocks_ * block_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, socket_.get(), 0);
  if (memory_ == MAP_FAILED) throw SystemError("map a ring for packets", errno);
}

PacketRing::~PacketRing() {
  ::munmap(memory_, blocks_ * block_bytes);
}

void PacketRing::start() {
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(ETH_P_ALL);
  check("capture packets",
        ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all));
}

const char* PacketRing::block(std::size_t number) const {
  return static_cast<const char*>(memory_) + number * block_bytes;
}

void PacketRing::read(const std::function<void(const CapturedFrame&)>& take) {
  for (std::size_t i = 0; i < blocks_; ++i) {
    const char* const here = block(next_);
    auto* head = &reinterpret_cast<tpacket_block_desc*>(const_cast<char*>(here))->hdr.bh1;
    // The kernel writes the status last when it hands a block over, and so do we to give it back.
    if ((__atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) return;
    const char* frame = here + head->offset_to_first_pkt;
    for (std::uint32_t left = head->num_pkts; left > 0; --left) {
      take(frame_at(frame));
      frame += header_at<tpacket3_hdr>(frame)->tp_next_offset;
    }
    __atomic_store_n(&head->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    next_ = (next_ + 1) % blocks_;
  }
}

std::uint64_t PacketRing::take_dropped() {
  tpacket_stats_v3 statistics{};
  socklen_t size = sizeof statistics;
  check("read the statistics of a packet socket",
        ::getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size));
  return statistics.tp_drops;
}

}  // namespace nospof
