#pragma once
// The application's pages that the ledger probe asks. Brings Asio.

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "probes/ledger_answers.hpp"
#include "probes/ledger_book.hpp"
#include "probes/ledger_config.hpp"
#include "probes/placeholders.hpp"

namespace nospof::probes {

class LedgerPages {
 public:
  /// Resolves the host and reads the authority file; throws Error when one of them cannot be had.
  explicit LedgerPages(LedgerConfig config);

  const LedgerConfig& config() const { return config_; }
  /// How many bytes of ids a question may have.
  std::size_t id_bytes() const;

  struct Write {
    WriteAnswer answer;
    LookTime time;
  };
  boost::asio::awaitable<Write> write(std::string id, std::string token) const;

  struct Read {
    std::optional<LedgerBook::Values> values;  ///< nothing: no good answer
    LookTime time;
  };
  /// Waits no longer than the configured time-out, nor than `until`.
  boost::asio::awaitable<Read> read(std::string ids, MonoTime until = MonoTime::max()) const;

 private:
  boost::asio::awaitable<HttpReply> ask(std::string request, MonoTime until, LookTime& time) const;

  LedgerConfig config_;
  Endpoint endpoint_;
  std::unique_ptr<TlsContext> tls_;  ///< nullptr: none
  PlaceholderText write_text_;
  PlaceholderText read_text_;
};

}  // namespace nospof::probes
