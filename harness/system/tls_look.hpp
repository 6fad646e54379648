#pragma once
// One look at what a TLS server shows: a real handshake, step by step, never waiting.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "system/clock.hpp"
#include "system/tls_contexts.hpp"
#include "system/tls_shown.hpp"

namespace nospof {

/// What a look offers.
enum class TlsOffer {
  usual,       ///< what OpenSSL offers unless told otherwise
  everything,  ///< TLS 1.0 to 1.3 with every cipher, the strong ones first
  up_to_1_2,   ///< the same, but nothing newer
  up_to_1_1,
};

/// What happens after the handshake.
enum class TlsThen {
  leave,        ///< close_notify, and the look is over
  ask,          ///< `question` is sent, and the answer is read to the end of the stream
  renegotiate,  ///< another handshake on the same connection is asked for
};

/// Where to look, as whom, and for what.
struct TlsLookAt {
  std::string address;  ///< IPv4 or IPv6, numeric
  int port = 0;
  std::string identity;        ///< name or address that must be in the certificate; empty: none
  std::string authority_file;  ///< PEM; who must have signed; empty: nobody is known
  std::string starttls;        ///< "mysql", "postgresql", or empty
  std::string certificate_file, key_file;  ///< PEM; shown when asked for; empty: nothing is
  TlsOffer offer = TlsOffer::usual;
  TlsThen then = TlsThen::leave;
  std::string question;
};

inline constexpr auto tls_look_deadline = std::chrono::seconds(2);

class TlsLook {
 public:
  /// Begins to connect. Throws Error when the address is none, or a file can't be read.
  explicit TlsLook(TlsLookAt at);
  /// The same; for many looks with the same files. `contexts` is used here only.
  TlsLook(TlsLookAt at, TlsContexts& contexts);
  ~TlsLook();
  TlsLook(TlsLook&&) noexcept;
  TlsLook& operator=(TlsLook&&) noexcept;

  /// Goes on as far as it can without waiting; nothing yet: call it again, when fd() is ready for
  /// events() or the deadline is over. Seen is what there was until the end of the look.
  std::optional<TlsShown> advance();
  int fd() const;
  short events() const;  ///< POLLIN or POLLOUT
  MonoTime deadline() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Looks, one after the other.
class TlsLooks {
 public:
  explicit TlsLooks(TlsLookAt at) : at_(std::move(at)) {}
  /// What a look that ended just now saw; nothing while one is under way. Waits for some
  /// milliseconds at most.
  std::optional<TlsShown> advance();
  /// How many looks in a row agreed, this one included; 0 when it did not.
  int agreed(bool agrees) { return in_a_row_ = agrees ? in_a_row_ + 1 : 0; }
  /// Closes the connection of a look that is under way.
  void drop() { current_.reset(); }
  const TlsLookAt& at() const { return at_; }

 private:
  TlsLookAt at_;
  std::optional<TlsLook> current_;
  int in_a_row_ = 0;
};

/// Throws Error when the files of a look can't be used, or its identity can't be verified.
void check_tls_files(const TlsLookAt& at);

/// A whole look, waiting for it.
TlsShown look_at_tls(const TlsLookAt& at);

}  // namespace nospof
