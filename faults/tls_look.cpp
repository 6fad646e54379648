#include "faults/tls_look.hpp"

#include <array>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/file_image.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto look_deadline = 2s;
constexpr auto step = 2ms;

template <auto free_function>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;

std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "the connection ended";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

std::string sha256(const unsigned char* data, std::size_t size) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(data, size, digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw Error("OpenSSL can't compute SHA-256");
  return to_hex({reinterpret_cast<const char*>(digest.data()), length});
}

std::string time_text(const ASN1_TIME* time) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void fill(Shown& shown, X509* certificate) {
  shown.certificate = true;
  unsigned char* der = nullptr;
  int size = i2d_X509(certificate, &der);
  if (size > 0) shown.fingerprint = sha256(der, static_cast<std::size_t>(size));
  OPENSSL_free(der);
  der = nullptr;
  size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size > 0) shown.key = sha256(der, static_cast<std::size_t>(size));
  OPENSSL_free(der);
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  shown.subject = name.data();
  shown.not_before = time_text(X509_get0_notBefore(certificate));
  shown.not_after = time_text(X509_get0_notAfter(certificate));
}

// The handshake goes on whatever the verification says: seeing what is shown is the point.
int take_certificate(X509_STORE_CTX* context, void* result) {
  Shown& shown = *static_cast<Shown*>(result);
  X509_verify_cert(context);
  shown.verified = X509_STORE_CTX_get_error(context);
  shown.verified_text = X509_verify_cert_error_string(shown.verified);
  const STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(context);
  shown.chain = sent == nullptr ? 1 : sk_X509_num(sent);
  fill(shown, X509_STORE_CTX_get0_cert(context));
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

// MySQL's SSLRequest: protocol 4.1, TLS, secure passwords; 16 MB packets; utf8mb4.
std::string mysql_request() {
  std::string request("\x20\x00\x00\x01\x00\x8a\x00\x00\x00\x00\x00\x01\x2d", 13);
  request.append(23, '\0');
  return request;
}
std::string postgresql_request() {
  return {"\x00\x00\x00\x08\x04\xd2\x16\x2f", 8};
}

X509Ptr parse_first(const std::string& pem, const std::string& path) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) throw Error(fmt::format("there is no certificate (PEM) in {}", path));
  return certificate;
}

constexpr std::string_view begin_line = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_line = "-----END CERTIFICATE-----";

}  // namespace

struct TlsLook::State {
  enum class Stage { connecting, asking, handshake, ended };

  explicit State(LookAt wanted)
      : at(std::move(wanted)), end(std::chrono::steady_clock::now() + look_deadline) {}

  void open();
  bool connected();
  bool asked();
  bool shaken();
  bool end_with(std::string failure) {
    shown.failure = std::move(failure);
    stage = Stage::ended;
    return true;
  }
  // Whether the socket is ready; waits for one short step.
  bool ready(short events) const {
    pollfd entry{socket.get(), events, 0};
    return ::poll(&entry, 1, static_cast<int>(step.count())) > 0;
  }
  bool receive(std::size_t size);

  LookAt at;
  SteadyTime end;
  Stage stage = Stage::connecting;
  ContextPtr context;
  SslPtr ssl;
  UniqueFd socket;
  std::string received;
  bool request_sent = false;
  Shown shown;
};

void TlsLook::State::open() {
  context.reset(SSL_CTX_new(TLS_client_method()));
  if (!context) throw Error("OpenSSL: " + last_error());
  if (!at.authority_file.empty() &&
      SSL_CTX_load_verify_locations(context.get(), at.authority_file.c_str(), nullptr) != 1)
    throw Error(fmt::format("can't read the authority's certificate {}: {}", at.authority_file,
                            last_error()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), &take_certificate, &shown);
  if (at.weak) {
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  }
  ssl.reset(SSL_new(context.get()));
  if (!ssl) throw Error("OpenSSL: " + last_error());
  if (!at.identity.empty()) {
    SSL_set1_host(ssl.get(), at.identity.c_str());
    SSL_set_tlsext_host_name(ssl.get(), at.identity.c_str());
  }
  SSL_set_connect_state(ssl.get());
  socket.reset(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(at.port));
  if (::inet_pton(AF_INET, at.address.c_str(), &to.sin_addr) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", at.address));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS)
    end_with(SystemError("connect", errno).what());
}

bool TlsLook::State::connected() {
  if (!ready(POLLOUT)) return false;
  int failure = 0;
  socklen_t size = sizeof failure;
  check("SO_ERROR", ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size));
  if (failure != 0) return end_with(SystemError("connect", failure).what());
  stage = at.starttls.empty() ? Stage::handshake : Stage::asking;
  if (SSL_set_fd(ssl.get(), socket.get()) != 1) return end_with(last_error());
  return true;
}

// Until `received` has that many bytes: no more, since what follows is TLS.
bool TlsLook::State::receive(std::size_t size) {
  while (received.size() < size) {
    std::array<char, 512> block{};
    const std::size_t wanted = std::min(size - received.size(), block.size());
    const ssize_t n = ::recv(socket.get(), block.data(), wanted, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!ready(POLLIN)) return false;
      continue;
    }
    if (n <= 0) {
      end_with("the server ended the connection before TLS began");
      return false;
    }
    received.append(block.data(), static_cast<std::size_t>(n));
  }
  return true;
}

bool TlsLook::State::asked() {
  const bool mysql = at.starttls == "mysql";
  const auto send_request = [&](const std::string& request) {
    request_sent = true;
    return ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(request.size());
  };
  if (!mysql) {
    if (!request_sent && !send_request(postgresql_request()))
      return end_with("the server took no request for TLS");
    if (!receive(1)) return stage == Stage::ended;
    if (received != "S") return end_with("the server offers no TLS");
  } else {
    // The greeting: three bytes of length, a number, and then that many bytes.
    if (!receive(4)) return stage == Stage::ended;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(received[i]); };
    const std::size_t length = byte(0) | static_cast<std::size_t>(byte(1)) << 8U;
    if (!receive(4 + length)) return stage == Stage::ended;
    if (length == 0 || byte(4) == 0xff) return end_with("the server greets with an error");
    if (!send_request(mysql_request())) return end_with("the server took no request for TLS");
  }
  stage = Stage::handshake;
  return true;
}

bool TlsLook::State::shaken() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result == 1) {
    shown.protocol = SSL_get_version(ssl.get());
    return end_with({});
  }
  const int why = SSL_get_error(ssl.get(), result);
  if (why == SSL_ERROR_WANT_READ) return ready(POLLIN);
  if (why == SSL_ERROR_WANT_WRITE) return ready(POLLOUT);
  return end_with(last_error());
}

TlsLook::TlsLook(LookAt at) : state_(std::make_unique<State>(std::move(at))) {
  state_->open();
}
TlsLook::~TlsLook() = default;
TlsLook::TlsLook(TlsLook&&) noexcept = default;
TlsLook& TlsLook::operator=(TlsLook&&) noexcept = default;

std::optional<Shown> TlsLook::advance() {
  State& state = *state_;
  bool moving = true;
  while (moving && state.stage != State::Stage::ended) {
    switch (state.stage) {
      case State::Stage::connecting:
        moving = state.connected();
        break;
      case State::Stage::asking:
        moving = state.asked();
        break;
      case State::Stage::handshake:
        moving = state.shaken();
        break;
      case State::Stage::ended:
        break;
    }
  }
  if (state.stage != State::Stage::ended && std::chrono::steady_clock::now() >= state.end)
    state.end_with("no answer within 2 s");
  if (state.stage != State::Stage::ended) return std::nullopt;
  return state.shown;
}

std::optional<Shown> TlsLooks::advance() {
  if (!current_) current_.emplace(at_);
  std::optional<Shown> shown = current_->advance();
  if (shown) current_.reset();
  return shown;
}

Shown look(const LookAt& at) {
  TlsLook one(at);
  for (;;) {
    if (auto shown = one.advance()) return *shown;
    std::this_thread::sleep_for(1ms);
  }
}

Shown certificate_of_pem(const std::string& pem, const std::string& path) {
  Shown shown;
  fill(shown, parse_first(pem, path).get());
  for (std::size_t at = pem.find(begin_line); at != std::string::npos;
       at = pem.find(begin_line, at + 1))
    ++shown.chain;
  return shown;
}

std::string first_certificate(const std::string& pem, const std::string& path) {
  const std::size_t begin = pem.find(begin_line);
  const std::size_t end = pem.find(end_line, begin);
  if (begin == std::string::npos || end == std::string::npos)
    throw Error(fmt::format("there is no certificate (PEM) in {}", path));
  return pem.substr(begin, end + end_line.size() - begin) + "\n";
}

std::string describe(const Shown& shown) {
  if (!shown.certificate) return "no certificate: " + shown.failure;
  return fmt::format("CN={}, valid from {} until {}, {} sent: {}", shown.subject, shown.not_before,
                     shown.not_after, shown.chain, shown.verified_text);
}

}  // namespace nospof::faults
