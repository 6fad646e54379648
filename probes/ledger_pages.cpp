#include "probes/ledger_pages.hpp"

#include <algorithm>

#include "probes/http_probe.hpp"
#include "probes/rounds.hpp"

namespace nospof::probes {

namespace asio = boost::asio;

namespace {
/// Servers take a request line of 4,094 bytes (gunicorn) to 16 KiB.
constexpr std::size_t longest_request_line = 4'000;
constexpr std::size_t least_id_bytes = 200;
}  // namespace

LedgerPages::LedgerPages(LedgerConfig config)
    : config_(std::move(config)),
      endpoint_(resolve_endpoint(config_.address.empty() ? config_.write_url.host : config_.address,
                                 config_.write_url.port)),
      write_text_(http_get_request(config_.write_url, false)),
      read_text_(http_get_request(config_.read_url, false)) {
  if (config_.write_url.tls)
    tls_ = std::make_unique<TlsContext>(config_.authority_file, config_.write_url.host);
}

std::size_t LedgerPages::id_bytes() const {
  const std::size_t rest = config_.read_url.target.size();
  return rest + least_id_bytes > longest_request_line ? least_id_bytes
                                                      : longest_request_line - rest;
}

asio::awaitable<HttpReply> LedgerPages::ask(std::string request, MonoTime until,
                                            LookTime& time) const {
  time.asked_ns = monotonic_ns();
  const MonoTime deadline = std::min(until, std::chrono::steady_clock::now() + config_.timeout);
  HttpReply reply = co_await http_ask(endpoint_, tls_.get(), request, deadline);
  time.answered_ns = monotonic_ns();
  co_return reply;
}

asio::awaitable<LedgerPages::Write> LedgerPages::write(std::string id, std::string token) const {
  Write write;
  // GCC 12 destroys a temporary aggregate within co_await twice.
  std::string request = write_text_.fill({std::move(id), std::move(token)});
  const HttpReply reply = co_await ask(std::move(request), MonoTime::max(), write.time);
  write.answer = write_answer(reply, config_.expect_status);
  co_return write;
}

asio::awaitable<LedgerPages::Read> LedgerPages::read(std::string ids, MonoTime until) const {
  Read read;
  std::string request = read_text_.fill({std::move(ids), {}});
  const HttpReply reply = co_await ask(std::move(request), until, read.time);
  read.values = stored_values(reply, config_.expect_status);
  co_return read;
}

}  // namespace nospof::probes
