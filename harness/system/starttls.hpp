#pragma once
// What is said in a database's own protocol before TLS begins on its connection. A plain state
// machine: it is fed what the server says and tells what to send.

#include <cstddef>
#include <string>
#include <string_view>

namespace nospof {

class Starttls {
 public:
  enum class State {
    talking,
    ready,        ///< send what is to be sent, then TLS begins
    not_offered,  ///< the server speaks the protocol, or something else, but no TLS
    turned_away,  ///< the server will not talk with this host at present
  };

  /// "mysql", "postgresql", or empty: nothing is said before TLS.
  explicit Starttls(const std::string& protocol);

  State state() const { return state_; }
  /// Bytes that the server has yet to say; no more may be read, as what follows is TLS.
  std::size_t wanted() const { return wanted_ - heard_.size(); }
  /// At most wanted() bytes.
  void feed(std::string_view bytes);
  /// What to send now; each byte is told once.
  std::string take_to_send();
  /// The first bytes that the server said.
  const std::string& heard() const { return heard_; }

 private:
  void hear_mysql();
  void hear_postgresql();

  bool mysql_;
  State state_ = State::talking;
  std::size_t wanted_ = 0;
  std::string heard_;
  std::string to_send_;
};

}  // namespace nospof
