#pragma once
// Sessions that can be resumed, each in the place of a full handshake.

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>

#include "probes/verified_chains.hpp"
#include "system/clock.hpp"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace nospof::probes {

/// The full handshake that a session comes from, also by way of other sessions.
struct SessionOrigin {
  PathValidity validity;  ///< of the certificates that were verified then
  MonoTime until;         ///< not resumed any more from then on
};

/// Keeps what servers offer. A session is used once (RFC 8446 C.4), the newest first, and not any
/// more once a certificate of its full handshake is out of date.
class TlsSessions {
 public:
  static constexpr std::size_t most = 256;

  /// Makes connections of `context` offer their sessions. It must outlive them.
  TlsSessions(ssl_ctx_st* context, Nanoseconds keep);

  /// Of a connection that has not begun: may give it a session. Its origin, if it did.
  std::optional<SessionOrigin> resume(ssl_st* ssl, MonoTime now, WallTime wall);
  /// Of one whose chain was just verified.
  SessionOrigin new_origin(const PathValidity& validity, MonoTime now) const {
    return {validity, now + keep_};
  }
  /// So that the end of a connection does not spoil its sessions, however it ends.
  static void leave_resumable(ssl_st* ssl);
  /// Where the sessions of a connection come from is kept at `origin`, which outlives it.
  static void set_origin(ssl_st* ssl, std::optional<SessionOrigin>* origin);
  static std::optional<SessionOrigin>* origin_of(ssl_st* ssl);

 private:
  static int take(ssl_st* ssl, ssl_session_st* session);

  struct Free {
    void operator()(ssl_session_st* session) const noexcept;
  };
  struct Kept {
    std::unique_ptr<ssl_session_st, Free> session;
    SessionOrigin origin;
  };
  Nanoseconds keep_;
  std::deque<Kept> kept_;  ///< the newest at the end
};

}  // namespace nospof::probes
