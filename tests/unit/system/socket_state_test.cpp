#include "system/socket_state.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {
namespace {

class SocketStates : public testing::Test {
 protected:
  SocketStates() {
    std::array<int, 2> fds{};
    check("socketpair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                     fds.data()));
    ours_.reset(fds[0]);
    theirs_.reset(fds[1]);
    state_.fd = ours_.get();
  }
  void send(std::string_view bytes) { write_all(theirs_.get(), bytes, "the socket"); }
  std::pair<SocketStep, std::string> receive(std::size_t room) {
    std::string bytes(room, '\0');
    std::size_t size = 0;
    const SocketStep step = receive_some(state_, bytes.data(), room, size);
    bytes.resize(size);
    return {step, bytes};
  }

  UniqueFd ours_;
  UniqueFd theirs_;
  SocketState state_;
};

TEST_F(SocketStates, LookEveryTimeUnlessToldNotTo) {
  EXPECT_EQ(receive(10).first, SocketStep::again);
  send("one");
  EXPECT_EQ(receive(10), std::pair(SocketStep::done, std::string("one")));
  EXPECT_EQ(state_.drained, Drained::unknown);
  send("two");
  EXPECT_EQ(receive(10), std::pair(SocketStep::done, std::string("two")));
}

TEST_F(SocketStates, DoNotLookAgainAfterLessThanThereWasRoomFor) {
  state_.drained = Drained::no;
  send("four");
  EXPECT_EQ(receive(4), std::pair(SocketStep::done, std::string("four")));
  EXPECT_EQ(state_.drained, Drained::no) << "there may be more";
  send("six");
  EXPECT_EQ(receive(4).first, SocketStep::done);
  EXPECT_EQ(state_.drained, Drained::yes);
  send("more");
  EXPECT_EQ(receive(4).first, SocketStep::again);
  state_.drained = Drained::no;
  EXPECT_EQ(receive(4), std::pair(SocketStep::done, std::string("more")));
}

TEST_F(SocketStates, AnEndIsSeenOnceTheDescriptorIsReadyForIt) {
  state_.drained = Drained::no;
  send("x");
  theirs_.reset();
  EXPECT_EQ(receive(4).first, SocketStep::done);
  EXPECT_EQ(receive(4).first, SocketStep::again);
  EXPECT_FALSE(state_.ended);
  state_.drained = Drained::no;
  EXPECT_EQ(receive(4).first, SocketStep::ended);
  EXPECT_TRUE(state_.ended);
}

}  // namespace
}  // namespace nospof
