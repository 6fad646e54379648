#pragma once
// The histories of one start of a ledger probe, as files that harness/history reads.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "kinds/operation.hpp"
#include "system/fd.hpp"

namespace nospof::control {

/// A ledger and its registers are judged by different rules, so each has files of its own:
/// NAME.jsonl and the same as EDN. They are made when there is something to write. Every batch is
/// one write(2) of whole lines, so that a killed run leaves histories that can be read. Throws
/// SystemError.
class HistoryFiles {
 public:
  /// Files are `folder`/ledger`suffix`.jsonl, register`suffix`.jsonl, and so on.
  HistoryFiles(std::string folder, std::string suffix)
      : folder_(std::move(folder)), suffix_(std::move(suffix)) {}

  void add(const std::vector<kinds::Operation>& operations);

 private:
  struct File {
    const char* name;
    bool ledger;
    bool edn;
    UniqueFd fd = {};
  };
  void write(File& file, const std::string& text);

  std::string folder_;
  std::string suffix_;
  std::array<File, 4> files_{{{"ledger", true, false},
                              {"ledger", true, true},
                              {"register", false, false},
                              {"register", false, true}}};
};

}  // namespace nospof::control
