#include "probes/tls_sessions.hpp"

#include <utility>

#include <openssl/ssl.h>

namespace nospof::probes {

void TlsSessions::Free::operator()(ssl_session_st* session) const noexcept {
  SSL_SESSION_free(session);
}

TlsSessions::TlsSessions(ssl_ctx_st* context, Nanoseconds keep) : keep_(keep) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_sess_set_new_cb(context, take);
}

std::optional<SessionOrigin> TlsSessions::resume(ssl_st* ssl, MonoTime now, WallTime wall) {
  while (!kept_.empty()) {
    const Kept newest = std::move(kept_.back());
    kept_.pop_back();
    if (now >= newest.origin.until || !newest.origin.validity.at(wall)) continue;
    if (SSL_SESSION_is_resumable(newest.session.get()) == 1 &&
        SSL_set_session(ssl, newest.session.get()) == 1)
      return newest.origin;
  }
  return std::nullopt;
}

// The server offered it: 1 means that it is kept.
int TlsSessions::take(ssl_st* ssl, ssl_session_st* session) {
  const std::optional<SessionOrigin>* origin = origin_of(ssl);
  auto* self = static_cast<TlsSessions*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (origin == nullptr || !*origin || SSL_get_verify_result(ssl) != X509_V_OK) return 0;
  if (self->kept_.size() >= most) self->kept_.pop_front();
  self->kept_.push_back({std::unique_ptr<ssl_session_st, Free>(session), **origin});
  return 1;
}

void TlsSessions::leave_resumable(ssl_st* ssl) {
  SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_SENT_SHUTDOWN);
}

void TlsSessions::set_origin(ssl_st* ssl, std::optional<SessionOrigin>* origin) {
  SSL_set_app_data(ssl, origin);
}

std::optional<SessionOrigin>* TlsSessions::origin_of(ssl_st* ssl) {
  return static_cast<std::optional<SessionOrigin>*>(SSL_get_app_data(ssl));
}

}  // namespace nospof::probes
