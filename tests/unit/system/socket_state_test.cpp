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
    check("socketpair",
          ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()));
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

  /// All that is there.
  std::string received_by_them() const {
    SocketState theirs;
    theirs.fd = theirs_.get();
    std::string all;
    std::array<char, 4096> block{};
    for (std::size_t size = 0;
         receive_some(theirs, block.data(), block.size(), size) == SocketStep::done;)
      all.append(block.data(), size);
    return all;
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

TEST_F(SocketStates, WhatIsHeldLeavesBeforeWhatIsSentNext) {
  state_.held = "first ";
  std::size_t size = 0;
  EXPECT_EQ(send_behind_held(state_, "second", size), SocketStep::done);
  EXPECT_EQ(size, 6U);
  EXPECT_TRUE(state_.held.empty());
  EXPECT_EQ(state_.sent_bytes, 12U);
  EXPECT_EQ(received_by_them(), "first second");
  EXPECT_EQ(send_behind_held(state_, "third", size), SocketStep::done);
  EXPECT_EQ(received_by_them(), "third");
}

TEST_F(SocketStates, WhatIsHeldCanLeaveAlone) {
  EXPECT_EQ(send_held(state_), SocketStep::done);
  state_.held = "alone";
  EXPECT_EQ(send_held(state_), SocketStep::done);
  EXPECT_TRUE(state_.held.empty());
  EXPECT_EQ(received_by_them(), "alone");
}

TEST_F(SocketStates, NothingIsLostOrSentTwiceWhenThereIsNoRoom) {
  const std::string held(200'000, 'h');
  const std::string data(200'000, 'd');
  std::string expected = held + data;
  std::string came;
  state_.held = held;
  std::string_view unsent = data;
  while (!unsent.empty()) {
    std::size_t size = 0;
    const SocketStep step = send_behind_held(state_, unsent, size);
    ASSERT_TRUE(step == SocketStep::done || step == SocketStep::again);
    ASSERT_EQ(step == SocketStep::done, size > 0);
    unsent.remove_prefix(size);
    came += received_by_them();
  }
  EXPECT_TRUE(came == expected);
  EXPECT_EQ(state_.sent_bytes, expected.size());
}

}  // namespace
}  // namespace nospof
