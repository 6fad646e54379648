#pragma once
// What a prober's probes say, on its way to the controller; and the controller's word to stop.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <boost/json/object.hpp>

#include "kinds/operation.hpp"
#include "kinds/sample.hpp"
#include "system/fd.hpp"

namespace nospof::agent {

/// Between the probes' threads, which add, and one thread that talks with the controller.
class ProberChannel {
 public:
  /// More than `limit` bytes that nobody reads end the talk.
  ProberChannel(int in_fd, int out_fd, std::size_t limit);
  ~ProberChannel() { finish(); }
  ProberChannel(const ProberChannel&) = delete;
  ProberChannel& operator=(const ProberChannel&) = delete;

  int stop_fd() const { return stop_.get(); }

  void say(const boost::json::object& message);
  /// `of` is compared by its place: the same probe always says the same object.
  void add(const std::string& of, const kinds::Sample& sample);
  void add(const std::string& of, const kinds::Operation& operation);

  /// Of the samples.
  std::uint64_t count() const;
  /// Ends the talk after everything was written, or after a bounded wait. Returns why samples were
  /// lost; empty: none were.
  std::string finish();

 private:
  void add_to_batch(const std::string& of, std::string_view what, std::string_view entry);
  void end_batch();

  void serve();
  void fill();
  void take_input();
  void tell_clock(const std::string& number);
  bool write_some();
  void give_up(std::string problem);

  const int in_fd_;
  const int out_fd_;
  const std::size_t limit_;
  const UniqueFd stop_;  ///< readable: the probes are to end
  const UniqueFd wake_;
  std::atomic<bool> finishing_ = false;

  mutable std::mutex mutex_;
  std::string waiting_;
  std::string batch_;
  const std::string* batch_of_ = nullptr;  ///< who said what is in it
  std::string batch_what_;
  std::size_t batched_ = 0;
  std::uint64_t count_ = 0;

  // Of the serving thread alone, until it was joined.
  std::string writing_;
  std::size_t written_ = 0;
  bool input_open_ = true;
  std::string input_line_;
  std::string problem_;
  std::thread thread_;
};

}  // namespace nospof::agent
