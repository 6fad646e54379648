#pragma once
// The one way system calls are made: an error names the operation, the object and the reason.

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nospof {

/// A system call that failed. `what()` reads "open /run/x: No such file or directory".
class SystemError : public std::runtime_error {
 public:
  SystemError(std::string_view attempt, int error_number);
  int error_number() const noexcept { return error_number_; }

 private:
  int error_number_;
};

/// Throws SystemError from errno when `result` is negative; otherwise returns it.
/// `attempt` names what was tried and on what, e.g. "setns net of host db1".
template <typename T>
T check(std::string_view attempt, T result) {
  if (result < 0) throw SystemError(attempt, errno);
  return result;
}

/// Anything that is wrong but is no system call: a sentence that says what failed and what to do
/// next.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something this machine, or this version, cannot do; exit code 4. The sentence says what would
/// help.
class MissingCapability : public Error {
 public:
  using Error::Error;
};

}  // namespace nospof
