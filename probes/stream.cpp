#include "probes/stream.hpp"

namespace nospof::probes {

namespace {

class PlainStream final : public Stream {
 public:
  explicit PlainStream(SocketState& socket) : socket_(socket) {}

  Step open() override { return Step::done; }
  Step write(std::string_view data, std::size_t& written) override {
    return step(send_some(socket_, data, written), Step::wants_write);
  }
  Step read(char* data, std::size_t room, std::size_t& size) override {
    return step(receive_some(socket_, data, room, size), Step::wants_read);
  }
  bool pending() const override { return false; }
  // Without TLS every end looks alike.
  bool orderly_end() const override { return socket_.ended; }
  Failure failure(bool answer_begun) const override {
    if (socket_.error_number != 0) return stream_failure(socket_.error_number);
    return early_end_failure(true, answer_begun);
  }
  // Whoever closes the socket says it.
  void say_goodbye() override {}

 private:
  static Step step(SocketStep done, Step waiting) {
    switch (done) {
      case SocketStep::done:
        return Step::done;
      case SocketStep::again:
        return waiting;
      case SocketStep::ended:
      case SocketStep::failed:
        return Step::over;
    }
    return Step::over;
  }

  SocketState& socket_;
};

}  // namespace

std::unique_ptr<Stream> make_plain_stream(SocketState& socket) {
  return std::make_unique<PlainStream>(socket);
}

}  // namespace nospof::probes
