#pragma once
// The table that a kind of file is described by, once: the reader reads with it and the JSON Schema
// is made from it. A Format says how one value is written; a Section is a map with known keys.
// Internal to spec.

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "spec/catalogue.hpp"
#include "spec/document.hpp"
#include "spec/topology.hpp"

namespace nospof::spec {

struct FieldInfo;
struct ShapeCase;

/// What a value looks like, apart from the type it is read into.
struct Shape {
  enum class Kind {
    text,     ///< any scalar, taken as text; `pattern` and `choices` if not empty
    integer,  ///< from `low` to `high`
    boolean,
    list,          ///< of inner[0], `low` to `high` of them
    text_or_list,  ///< one inner[0], or a list of them
    map,           ///< from names (`pattern`) to inner[0], at least `low` of them
    object,        ///< the keys of `fields`
  };
  Kind kind = Kind::text;
  std::string expected;              ///< "a duration such as 300ms", for messages and the schema
  std::string pattern;               ///< of the text, or of the names in a map; unanchored
  std::vector<std::string> choices;  ///< the only texts allowed
  std::optional<std::int64_t> low, high;
  std::vector<Shape> inner;
  std::vector<FieldInfo> fields;
  std::vector<ShapeCase>
      cases;  ///< of an object: what its other fields look like depends on one of them
};

struct FieldInfo {
  std::string key;
  Shape shape;
  bool required = false;
  std::string default_text;  ///< as it would stand in YAML; empty: none
  std::string doc;           ///< one sentence
};

/// When the field `key` has this value, then `fields` replace those of the same keys.
struct ShapeCase {
  std::string key;
  std::string value;
  std::vector<FieldInfo> fields;
};

/// What is known while a file is read, and where problems go.
struct Context {
  Problems& problems;
  std::string file;
  std::string folder;               ///< where the file is
  std::string subject;              ///< what is being read: "host 'lb1'", "'address' of host 'lb1'"
  const Topology* known = nullptr;  ///< as far as it is read; nullptr: names cannot be checked
  const Catalogue* catalogue = nullptr;
  std::set<std::string>
      unsound;  ///< top-level keys with problems: what follows from them is not checked

  /// Whether these sections can be relied on.
  bool sound(std::initializer_list<const char*> sections) const {
    return std::ranges::none_of(sections, [&](const char* key) { return unsound.contains(key); });
  }
  void problem(Mark mark, std::string message) { problems.add(file, mark, std::move(message)); }
};

/// Changes the subject while it lives.
class SubjectScope {
 public:
  SubjectScope(Context& context, std::string subject)
      : context_(context), before_(std::exchange(context.subject, std::move(subject))) {}
  ~SubjectScope() { context_.subject = std::move(before_); }
  SubjectScope(const SubjectScope&) = delete;
  SubjectScope& operator=(const SubjectScope&) = delete;

 private:
  Context& context_;
  std::string before_;
};

/// How a T is written. read() returns false when it added a problem and the value is of no use.
template <typename T>
struct Format {
  Shape shape;
  std::function<bool(Context&, const Node&, T&)> read;
};

/// One key of a Section.
template <typename T>
struct Field {
  FieldInfo info;
  std::function<void(Context&, const Node&, T&)> set;
};

template <typename T>
struct Section {
  std::vector<Field<T>> fields;  ///< read in this order, whatever the order in the file
  /// What the fields together must satisfy; called when each of them was fine.
  std::function<void(Context&, const Node&, T&)> check;
};

/// "hypothesis" -> "hypotheses", "authority" -> "authorities"
std::string plural(const std::string& noun);

/// Adds "SUBJECT: expected EXPECTED, found FOUND" and returns false.
bool refuse(Context& context, const Node& node, const std::string& expected);

/// Reports keys that are in no field and required fields that are missing.
void check_keys(Context& context, const Node& node, const std::vector<const FieldInfo*>& fields);

/// Reads fields of a map. `skip` names keys that somebody else reads.
template <typename T>
void read_fields(Context& context, const Node& node, const Section<T>& section, T& out) {
  const std::size_t before = context.problems.size();
  std::vector<const FieldInfo*> infos;
  for (const Field<T>& field : section.fields) infos.push_back(&field.info);
  check_keys(context, node, infos);
  for (const Field<T>& field : section.fields) {
    const bool is_root = context.subject.empty();
    const std::size_t start = context.problems.size();
    const std::string subject =
        "'" + field.info.key + "'" + (is_root ? "" : " of " + context.subject);
    const SubjectScope scope(context, subject);
    if (const Node* value = node.find(field.info.key)) {
      field.set(context, *value, out);
    } else if (!field.info.default_text.empty()) {
      Node fallback;
      fallback.kind = Node::Kind::scalar;
      fallback.mark = node.mark;
      fallback.text = field.info.default_text;
      field.set(context, fallback, out);
    } else if (is_root && field.info.required) {
      context.unsound.insert(field.info.key);
    }
    if (is_root && context.problems.size() > start) context.unsound.insert(field.info.key);
  }
  if (section.check && context.problems.size() == before) section.check(context, node, out);
}

template <typename T>
Format<T> object(Section<T> section) {
  Format<T> format;
  format.shape.kind = Shape::Kind::object;
  format.shape.expected = "a map";
  for (const Field<T>& field : section.fields) format.shape.fields.push_back(field.info);
  format.read = [section = std::move(section)](Context& context, const Node& node, T& out) {
    if (node.kind != Node::Kind::map) {
      std::string keys;
      for (const Field<T>& field : section.fields) {
        if (keys.size() < 60) keys += (keys.empty() ? "" : ", ") + field.info.key;
      }
      return refuse(context, node, "a map with keys such as " + keys);
    }
    const std::size_t before = context.problems.size();
    read_fields(context, node, section, out);
    return context.problems.size() == before;
  };
  return format;
}

/// A map from names to values that have a `name` and a `mark`; `what` is one of them ("host").
template <typename T>
Format<std::vector<T>> map_of(std::string what, const Format<std::string>& name, Format<T> value,
                              int at_least) {
  Format<std::vector<T>> format;
  format.shape.kind = Shape::Kind::map;
  format.shape.expected = "a map from names to " + plural(what);
  format.shape.pattern = name.shape.pattern;
  format.shape.low = at_least;
  format.shape.inner = {value.shape};
  format.read = [what, name, value, at_least](Context& context, const Node& node,
                                              std::vector<T>& out) {
    if (node.kind != Node::Kind::map) {
      return refuse(context, node, fmt::format("a map with the name of each {} as a key", what));
    }
    if (node.keys.size() < static_cast<std::size_t>(at_least)) {
      return refuse(context, node, fmt::format("at least {} {}", at_least, what));
    }
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      T item;
      item.mark = node.keys[i].mark;
      {
        const SubjectScope scope(context, "name of a " + what);
        name.read(context, node.keys[i], item.name);
      }
      item.name = node.keys[i].text;
      const SubjectScope scope(context, what + " " + quote(item.name));
      value.read(context, node.values[i], item);
      out.push_back(std::move(item));
    }
    return true;
  };
  return format;
}

/// A list. For items that are maps `what` names one ("flow"): it becomes "flow 3" in messages.
template <typename T>
Format<std::vector<T>> list_of(Format<T> item, int at_least = 0, const std::string& what = {}) {
  Format<std::vector<T>> format;
  format.shape.kind = Shape::Kind::list;
  format.shape.expected =
      what.empty() ? "a list, each " + item.shape.expected : "a list of " + plural(what);
  format.shape.low = at_least;
  format.shape.inner = {item.shape};
  format.read = [item, at_least, what](Context& context, const Node& node, std::vector<T>& out) {
    if (node.kind != Node::Kind::list) {
      return refuse(context, node, what.empty() ? "a list" : "a list of " + plural(what));
    }
    if (node.values.size() < static_cast<std::size_t>(at_least)) {
      return refuse(context, node, fmt::format("a list of at least {}", at_least));
    }
    bool all = true;
    for (std::size_t i = 0; i < node.values.size(); ++i) {
      T value;
      if constexpr (requires { value.mark; }) value.mark = node.values[i].mark;
      const SubjectScope scope(context,
                               what.empty() ? context.subject : fmt::format("{} {}", what, i + 1));
      all = item.read(context, node.values[i], value) && all;
      out.push_back(std::move(value));
    }
    return all;
  };
  return format;
}

template <typename T>
Format<std::optional<T>> maybe(Format<T> inner) {
  Format<std::optional<T>> format;
  format.shape = inner.shape;
  format.read = [inner](Context& context, const Node& node, std::optional<T>& out) {
    T value;
    if (!inner.read(context, node, value)) return false;
    out = std::move(value);
    return true;
  };
  return format;
}

/// A field that is read into a member.
template <typename T, typename V>
Field<T> field(std::string key, V T::*member, Format<V> format, bool required,
               std::string default_text, std::string doc) {
  Field<T> result;
  result.info = {std::move(key), format.shape, required, std::move(default_text), std::move(doc)};
  result.set = [member, read = std::move(format.read)](Context& context, const Node& node, T& out) {
    read(context, node, out.*member);
  };
  return result;
}

template <typename T, typename V>
Field<T> required(std::string key, V T::*member, Format<V> format, std::string doc) {
  return field(std::move(key), member, std::move(format), true, "", std::move(doc));
}

template <typename T, typename V>
Field<T> optional(std::string key, V T::*member, Format<V> format, std::string default_text,
                  std::string doc) {
  return field(std::move(key), member, std::move(format), false, std::move(default_text),
               std::move(doc));
}

}  // namespace nospof::spec
