#pragma once
// A connection to a lab's keeper.

#include <chrono>
#include <functional>
#include <mutex>
#include <string>

#include <boost/json/object.hpp>

#include "lab/layout.hpp"
#include "system/fd.hpp"

namespace nospof::lab {

/// Hosts whose power this connection cut boot again when it closes. One request at a time, also
/// from several threads.
class KeeperClient {
 public:
  /// Throws Error naming the lab when its keeper can't be reached.
  KeeperClient(std::string lab, const Layout& layout);

  using OnEvent = std::function<void(const boost::json::object& event)>;
  /// Sends {"op":op, fields...} and returns the answer. Throws Error with the keeper's reason when
  /// it refuses, or when it does not answer in time.
  boost::json::object request(const std::string& op, boost::json::object fields,
                              std::chrono::milliseconds at_most, const OnEvent& on_event = {});

 private:
  std::mutex mutex_;
  std::string lab_;
  UniqueFd fd_;
  std::int64_t next_id_ = 1;
};

}  // namespace nospof::lab
