#include "spec/document.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "system/fd.hpp"

namespace nospof::spec {

namespace {

constexpr std::size_t most_bytes = 1024 * 1024;
constexpr std::size_t most_depth = 32;
/// Nodes and bytes of text after aliases are replaced by what they stand for.
constexpr std::size_t most_nodes = 20'000;
constexpr std::size_t most_text = 4 * most_bytes;

/// The rest of the document cannot be used; the problem is reported already.
struct Unusable {};

struct Size {
  std::size_t nodes = 0;
  std::size_t text = 0;
};

Size size_of(const Node& node) {
  Size size{1, node.text.size()};
  for (const auto* children : {&node.keys, &node.values}) {
    for (const Node& child : *children) {
      const Size inner = size_of(child);
      size.nodes += inner.nodes;
      size.text += inner.text;
    }
  }
  return size;
}

/// Makes the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, Problems& problems) : file_(file), problems_(problems) {}

  std::optional<Node> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // The library takes text after the end of a document for the start of another, without end.
    if (++documents_ > 1) fail(place(mark), "expected one YAML document, but here starts another");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.mark = place(mark);
    leaf(std::move(node), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    Node node;
    node.kind = Node::Kind::scalar;
    node.mark = place(mark);
    node.text = value;
    leaf(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(place(mark), "this alias stands inside what it refers to");
    leaf(found->second, 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  /// A list or a map that has begun and not ended.
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    std::optional<Node> key;  ///< read, its value not yet
  };

  static Mark place(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

  [[noreturn]] void fail(Mark mark, std::string message) {
    problems_.add(file_, mark, std::move(message));
    throw Unusable{};
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    fail(place(mark), "tags such as " + quote(tag) + " are not supported; leave it away");
  }

  void count(Mark mark, const Size& size) {
    total_.nodes += size.nodes;
    total_.text += size.text;
    if (total_.nodes > most_nodes || total_.text > most_text) {
      fail(mark, fmt::format("too much: with its aliases replaced the file has more than {} values "
                             "or {} MiB of text",
                             most_nodes, most_text / most_bytes));
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Node::Kind kind) {
    refuse_tag(mark, tag);
    if (open_.size() >= most_depth) {
      fail(place(mark), fmt::format("nested more than {} levels deep", most_depth));
    }
    count(place(mark), {1, 0});
    Node node;
    node.kind = kind;
    node.mark = place(mark);
    open_.push_back({std::move(node), anchor, std::nullopt});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    keep(done.node, done.anchor);
    attach(std::move(done.node));
  }

  void leaf(Node node, YAML::anchor_t anchor) {
    count(node.mark, size_of(node));
    keep(node, anchor);
    attach(std::move(node));
  }

  void keep(const Node& node, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    count(node.mark, size_of(node));
    anchors_[anchor] = node;
  }

  void attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::list) {
      parent.node.values.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      attach_pair(parent, std::move(node));
    }
  }

  void attach_pair(Open& parent, Node value) {
    Node key = std::move(*parent.key);
    parent.key.reset();
    // The library places an empty value wherever the next token is.
    if (value.kind == Node::Kind::null) value.mark = key.mark;
    if (key.kind != Node::Kind::scalar) {
      problems_.add(file_, key.mark,
                    "a key must be plain text, found " + describe(key) +
                        "; template expressions need quotes: \"{{ ... }}\"");
      return;
    }
    if (const Node* first = parent.node.find(key.text)) {
      problems_.add(file_, key.mark,
                    fmt::format("key {} stands twice, the first time in line {}", quote(key.text),
                                first->mark.line));
      return;
    }
    parent.node.keys.push_back(std::move(key));
    parent.node.values.push_back(std::move(value));
  }

  const std::string& file_;
  Problems& problems_;
  int documents_ = 0;
  Size total_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::optional<Node> root_;
};

/// Bytes of the character that starts here; 0 when it is no UTF-8.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate_or_beyond =
      (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || surrogate_or_beyond ? 0 : length;
}

bool check_characters(std::string_view text, const std::string& file, Problems& problems) {
  Mark mark{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = character(text.substr(i));
    const bool control =
        (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    if (length == 0 || control) {
      problems.add(file, mark, fmt::format("expected UTF-8 text, found the byte 0x{:02x}", byte));
      return false;
    }
    if (byte == '\n') {
      ++mark.line;
      mark.column = 1;
    } else {
      mark.column += static_cast<int>(length);
    }
    i += length;
  }
  return true;
}

/// The usual reason for an error that the eye cannot find.
std::string tab_hint(std::string_view text, int line) {
  for (int number = 1; number < line; ++number) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos || text[first] != '\t') return {};
  return "; the line is indented with a tab, where YAML allows only spaces";
}

/// The place after the last character.
Mark end_of(std::string_view text) {
  const auto lines = std::ranges::count(text, '\n');
  const std::size_t last = text.rfind('\n');
  const std::size_t column = last == std::string_view::npos ? text.size() : text.size() - last - 1;
  return {static_cast<int>(lines) + 1, static_cast<int>(column) + 1};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &values[i];
  }
  return nullptr;
}

Mark Node::mark_of(std::string_view key) const {
  const Node* value = find(key);
  return value == nullptr ? mark : value->mark;
}

Mark Node::mark_of(std::size_t index) const {
  return kind == Kind::list && index < values.size() ? values[index].mark : mark;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return quote(node.text);
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "?";
}

std::optional<Node> load_document(std::string_view text, const std::string& file,
                                  Problems& problems, std::string_view expected) {
  if (text.size() > most_bytes) {
    problems.add(file, {}, "larger than 1 MiB, which no such file needs to be");
    return std::nullopt;
  }
  if (!check_characters(text, file, problems)) return std::nullopt;
  TreeBuilder builder(file, problems);
  const Mark end = end_of(text);
  try {
    // Without an end of document the library takes a quoted text that is never closed for complete.
    const bool ends_line = text.empty() || text.back() == '\n';
    std::istringstream stream(std::string(text) + (ends_line ? "...\n" : "\n...\n"));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const Mark mark{error.mark.line + 1, error.mark.column + 1};
    if (std::pair(mark.line, mark.column) < std::pair(end.line, end.column)) {
      problems.add(file, mark, "not valid YAML: " + error.msg + tab_hint(text, mark.line));
    } else {
      problems.add(file, end, "not valid YAML: the file ends inside a text in quotes or brackets");
    }
    return std::nullopt;
  } catch (const Unusable&) {
    return std::nullopt;
  }
  std::optional<Node> root = builder.take();
  if (!root || root->kind == Node::Kind::null) {
    problems.add(file, {1, 1}, fmt::format("the file is empty; expected {}", expected));
    return std::nullopt;
  }
  return root;
}

std::optional<std::string> load_text(const std::string& path, const std::string& file, Mark mark,
                                     Problems& problems) {
  const auto refuse = [&](const std::string& reason) -> std::optional<std::string> {
    problems.add(file, mark, path == file ? reason : quote(path) + ": " + reason);
    return std::nullopt;
  };
  // Opened without waiting, so that a FIFO cannot hang us.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return refuse("cannot be read: not a regular file");
  }
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > most_bytes)
      return refuse("larger than 1 MiB, which no such file needs to be");
  }
}

}  // namespace nospof::spec
