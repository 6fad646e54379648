#include "system/arp_probe.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/packet_socket.hpp"

namespace nospof {

namespace {

struct ArpFrame {
  ether_header ethernet;
  ether_arp arp;
};
static_assert(sizeof(ArpFrame) == 42);

// Of this machine alone, like the device's own: locally administered, and never for a group.
MacAddress made_up_from(MacAddress own, unsigned tag) {
  own[0] = static_cast<std::uint8_t>((own[0] ^ (0x04U | tag << 4U)) | 0x02U);
  return own;
}

ArpFrame request(const MacAddress& from, in_addr wanted) {
  ArpFrame frame{};
  std::memset(frame.ethernet.ether_dhost, 0xff, ETH_ALEN);
  std::memcpy(frame.ethernet.ether_shost, from.data(), from.size());
  frame.ethernet.ether_type = htons(ETHERTYPE_ARP);
  frame.arp.arp_hrd = htons(ARPHRD_ETHER);
  frame.arp.arp_pro = htons(ETHERTYPE_IP);
  frame.arp.arp_hln = ETH_ALEN;
  frame.arp.arp_pln = sizeof(in_addr);
  frame.arp.arp_op = htons(ARPOP_REQUEST);
  std::memcpy(frame.arp.arp_sha, from.data(), from.size());
  std::memcpy(frame.arp.arp_tpa, &wanted, sizeof wanted);
  return frame;
}

}  // namespace

ArpProbe::ArpProbe(in_addr address)
    : address_(address), socket_(open_packet_socket(ETHERTYPE_ARP)) {}

bool ArpProbe::is_running(const EthernetLink& link) const {
  ifreq question{};
  link.device.copy(question.ifr_name, IFNAMSIZ - 1);
  return ::ioctl(socket_.get(), SIOCGIFFLAGS, &question) == 0 &&
         (question.ifr_flags & IFF_RUNNING) != 0;
}

void ArpProbe::listen_on(const EthernetLink& link) {
  for (unsigned tag = 0; tag < tags; ++tag) {
    packet_mreq membership{};
    membership.mr_type = PACKET_MR_UNICAST;
    membership.mr_alen = ETH_ALEN;
    // Those of a device that is gone went with it.
    std::memcpy(membership.mr_address, senders_[tag].data(), ETH_ALEN);
    membership.mr_ifindex = interface_;
    if (interface_ != 0)
      ::setsockopt(socket_.get(), SOL_PACKET, PACKET_DROP_MEMBERSHIP, &membership,
                   sizeof membership);
    senders_[tag] = made_up_from(mac_of(link), tag);
    std::memcpy(membership.mr_address, senders_[tag].data(), ETH_ALEN);
    membership.mr_ifindex = link.hardware.sll_ifindex;
    // Without it they may still come; if they don't, there are no answers, and that is told.
    ::setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership);
  }
  interface_ = link.hardware.sll_ifindex;
}

bool ArpProbe::ask(unsigned tag) {
  const std::optional<EthernetLink> link = link_towards(address_);
  if (!link || !is_running(*link)) return false;
  const bool same =
      interface_ == link->hardware.sll_ifindex && senders_[0] == made_up_from(mac_of(*link), 0);
  if (!same) listen_on(*link);
  const ArpFrame frame = request(senders_[tag % tags], address_);
  sockaddr_ll to = link->hardware;
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_ARP);
  std::memset(to.sll_addr, 0xff, ETH_ALEN);
  // Whatever stands in its way, a device that is going down or a full queue: it was not asked.
  return ::sendto(socket_.get(), &frame, sizeof frame, 0, reinterpret_cast<const sockaddr*>(&to),
                  sizeof to) == static_cast<ssize_t>(sizeof frame);
}

std::optional<ArpProbe::Answer> ArpProbe::take_answer() {
  for (;;) {
    ArpFrame frame{};
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    const ssize_t n = ::recvfrom(socket_.get(), &frame, sizeof frame, MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0 && errno == EAGAIN) return std::nullopt;
    // A device that went down is told here once, and others are still listened to.
    if (n < 0 && errno != EINTR && errno != ENETDOWN && errno != ENXIO) check("read ARP", n);
    if (n < static_cast<ssize_t>(sizeof frame)) continue;
    if (from.sll_ifindex != interface_ || from.sll_pkttype == PACKET_OUTGOING ||
        frame.arp.arp_op != htons(ARPOP_REPLY) ||
        std::memcmp(frame.arp.arp_spa, &address_, sizeof address_) != 0)
      continue;
    MacAddress asked{};
    std::memcpy(asked.data(), frame.arp.arp_tha, asked.size());
    const auto sender = std::find(senders_.begin(), senders_.end(), asked);
    if (sender == senders_.end()) continue;  // somebody else had asked
    Answer answer;
    std::memcpy(answer.mac.data(), frame.arp.arp_sha, answer.mac.size());
    answer.tag = static_cast<unsigned>(sender - senders_.begin());
    return answer;
  }
}

}  // namespace nospof
