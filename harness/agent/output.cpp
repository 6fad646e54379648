#include "agent/output.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>

namespace nospof::agent {

namespace {
// A controller that renews its lease but reads nothing is no controller.
constexpr std::size_t backlog_limit = 16U << 20U;
}  // namespace

Output::Output(const asio::any_io_executor& executor, UniqueFd fd,
               std::function<void(std::string why)> on_broken)
    : stream_(executor, fd.release()), drained_(executor), on_broken_(std::move(on_broken)) {}

void Output::send(const json::object& message) {
  if (broken_) return;
  queued_ += json::serialize(message);
  queued_ += '\n';
  if (queued_.size() > backlog_limit) return give_up("nobody reads the answers");
  write_more();
}

void Output::write_more() {
  if (broken_ || !writing_.empty()) return;
  if (queued_.empty()) {
    drained_.cancel();
    return;
  }
  writing_.swap(queued_);
  asio::async_write(stream_, asio::buffer(writing_),
                    [this](const boost::system::error_code& error, std::size_t) {
                      if (error == asio::error::operation_aborted) return;
                      writing_.clear();
                      if (error) return give_up("stdout is closed");
                      write_more();
                    });
}

void Output::give_up(const std::string& why) {
  if (broken_) return;
  broken_ = true;
  queued_.clear();
  drained_.cancel();
  // Posted, because it may be found out in the middle of an answer.
  asio::post(stream_.get_executor(), [this, why] { on_broken_(why); });
}

asio::awaitable<void> Output::flush(std::chrono::milliseconds at_most) {
  if (broken_ || (writing_.empty() && queued_.empty())) co_return;
  drained_.expires_after(at_most);
  co_await drained_.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace nospof::agent
