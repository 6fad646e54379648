#pragma once
// An XML document with places, and the expressions of the Open-PSA format. Internal to analysis.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <pugixml.hpp>

#include "analysis/fault_tree.hpp"
#include "spec/problems.hpp"

namespace nospof::analysis {

/// Documents nested deeper than that are refused.
constexpr int deepest_mef = 500;

class MefDocument {
 public:
  /// No document type, entity or include is ever followed. Throws spec::SpecError when it is no
  /// XML.
  MefDocument(const std::string& text, const std::string& path);

  pugi::xml_node root() const { return document_.document_element(); }
  Mark mark(pugi::xml_node node) const;
  void add(pugi::xml_node node, const std::string& message);
  const spec::Problems& problems() const { return problems_; }

  /// The elements in a node, without labels and attributes.
  std::vector<pugi::xml_node> elements(pugi::xml_node node) const;
  /// Its attribute `name`; a problem and nothing when it has none.
  std::optional<std::string> attribute(pugi::xml_node node, const char* name);
  /// A gate's or event's name: as it was before it was made fit for XML.
  std::optional<std::string> name(pugi::xml_node node);
  /// A whole number from 0 on in an attribute.
  std::optional<std::uint32_t> number(pugi::xml_node node, const char* name);

 private:
  const std::string& path_;
  std::vector<std::size_t> line_ends_;
  pugi::xml_document document_;
  spec::Problems problems_;
};

/// Computes values: numbers, parameters, arithmetic, exponential(rate, time).
class MefExpressions {
 public:
  explicit MefExpressions(MefDocument& document) : document_(document) {}

  void define(const std::string& parameter, pugi::xml_node expression, pugi::xml_node where);
  /// Nothing, and a problem, when it has none that nospof can compute.
  std::optional<double> value(pugi::xml_node expression);

 private:
  struct Parameter {
    pugi::xml_node expression;
    std::optional<double> value;
    bool open = false;  // being computed: met again, it depends on itself
  };

  std::optional<double> literal(pugi::xml_node expression);
  std::optional<double> parameter(pugi::xml_node expression);
  std::optional<double> operation(pugi::xml_node expression);

  MefDocument& document_;
  std::map<std::string, Parameter> parameters_;
  int depth_ = 0;
};

}  // namespace nospof::analysis
