#pragma once
// Reads EDN (https://github.com/edn-format/edn), as far as histories are written in it: every form
// is understood, what no history needs as "something else". Internal to history.

#include <string>
#include <string_view>

#include "history/event.hpp"

namespace nospof::history {

class EdnReader {
 public:
  /// `text` must outlive the reader. The first character stands at `begin`; `file` is for messages.
  EdnReader(std::string_view text, std::string file, Mark begin = {1, 1});

  /// Skips blanks, commas, comments and discarded forms (#_ form); true when nothing else is left.
  bool at_end() { return at_end(0); }
  /// The next character that is not skipped; 0 at the end.
  char peek();
  /// Takes one character.
  void take();
  Mark mark() const { return mark_; }
  /// One form. Throws spec::SpecError: not EDN, nested too deeply, more than a million parts.
  Datum read();

 private:
  bool at_end(int depth);
  Datum read_at(int depth);
  void read_items(Datum& into, char close, int depth);
  Datum read_text();
  Datum read_tagged(int depth);
  Datum read_token();
  void count();
  std::string_view token();
  [[noreturn]] void fail(Mark mark, std::string message) const;

  std::string_view rest_;
  std::string file_;
  Mark mark_;
  std::size_t parts_ = 0;  ///< of the form that is being read
};

}  // namespace nospof::history
