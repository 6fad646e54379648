#pragma once
// The application's two pages for tests of the ledger probe: they keep what is written, until the
// test wants them to behave badly.

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/kernel/https_server.hpp"
#include "tests/kernel/plain_server.hpp"

namespace nospof::test {

/// GET /write?id=ID&v=TOKEN and GET /read?ids=ID,..; safe to be used from any thread.
class LedgerStore {
 public:
  enum class Writes {
    good,
    refused,            ///< 503, and not stored
    stored_and_refused  ///< 503 all the same
  };

  /// The whole answer to a request.
  std::string answer(const std::string& head) {
    const std::lock_guard lock(mutex_);
    if (head.starts_with("GET /write?")) return write(part(head, "id="), part(head, "v="));
    return read(part(head, "ids="));
  }

  std::size_t rows() {
    const std::lock_guard lock(mutex_);
    return rows_.size();
  }
  /// Rows whose writes had such an answer.
  std::size_t rows(Writes how) {
    const std::lock_guard lock(mutex_);
    return answered_[how];
  }
  void writes(Writes how) {
    const std::lock_guard lock(mutex_);
    how_ = how;
  }
  void refuse_reads(bool refuse) {
    const std::lock_guard lock(mutex_);
    reads_refused_ = refuse;
  }
  /// The last so many rows that were written are gone, for good.
  void forget_last(std::size_t count) {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : last(count)) values_.erase(id);
  }
  /// They are not shown, until show().
  void hide_last(std::size_t count) {
    const std::lock_guard lock(mutex_);
    const auto ids = last(count);
    hidden_.insert(ids.begin(), ids.end());
  }
  void show() {
    const std::lock_guard lock(mutex_);
    hidden_.clear();
  }
  /// The next question that asks for one of them does not see the last row that was written.
  void lag_once() {
    const std::lock_guard lock(mutex_);
    lagging_ = last(1).front();
  }
  /// There is another token under the last row that was written; returns its id.
  std::string spoil_last(const std::string& token) {
    const std::lock_guard lock(mutex_);
    return values_[last(1).front()] = token, last(1).front();
  }
  /// A write to a register is done once more, long after it was answered, as something on the way
  /// may that tries again by itself. False while there were too few.
  bool repeat_old_write() {
    // More than there are clients: it was over before the last one began.
    constexpr std::size_t back = 20;
    const std::lock_guard lock(mutex_);
    if (register_writes_.size() < back) return false;
    const auto& [id, token] = register_writes_[register_writes_.size() - back];
    if (id != register_writes_.back().first) return false;
    return values_[id] = token, true;
  }
  /// From now on registers are read as they are now, whatever is written.
  void freeze_registers() {
    const std::lock_guard lock(mutex_);
    frozen_ = values_;
  }

 private:
  static std::string part(const std::string& head, std::string_view name) {
    const std::size_t begin = head.find(name, head.find('?')) + name.size();
    return head.substr(begin, head.find_first_of(" &", begin) - begin);
  }
  static bool is_register(const std::string& id) {
    return id.substr(id.rfind('-')).starts_with("-r");
  }
  std::vector<std::string> last(std::size_t count) const {
    return {rows_.end() - static_cast<std::ptrdiff_t>(count), rows_.end()};
  }

  std::string write(const std::string& id, const std::string& token) {
    if (!is_register(id)) ++answered_[how_];
    if (how_ == Writes::refused) return http_answer(503, "not now");
    values_[id] = token;
    if (how_ == Writes::stored_and_refused) return http_answer(503, "who knows");
    if (is_register(id))
      register_writes_.emplace_back(id, token);
    else
      rows_.push_back(id);
    return http_answer(200, R"({"id":")" + id + R"(","v":")" + values_[id] + R"("})");
  }
  std::string read(std::string ids) {
    if (reads_refused_) return http_answer(503, "not now");
    std::string body;
    for (ids += ','; !ids.empty(); ids.erase(0, ids.find(',') + 1)) {
      const std::string id = ids.substr(0, ids.find(','));
      const auto& values = frozen_ && is_register(id) ? *frozen_ : values_;
      const auto value = values.find(id);
      if (id == lagging_)
        lagging_.clear();
      else if (value != values.end() && !hidden_.contains(id))
        body += (body.empty() ? "\"" : ",\"") + id + "\":\"" + value->second + "\"";
    }
    return http_answer(200, "{" + body + "}");
  }

  std::mutex mutex_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> rows_;  ///< ids of those that were written well, in that order
  std::vector<std::pair<std::string, std::string>> register_writes_;
  std::set<std::string> hidden_;
  std::string lagging_;
  std::optional<std::map<std::string, std::string>> frozen_;
  Writes how_ = Writes::good;
  std::map<Writes, std::size_t> answered_;
  bool reads_refused_ = false;
};

}  // namespace nospof::test
