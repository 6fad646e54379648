#pragma once
// Jinja2 templates, rendered for hosts and services. docs/topology.md has the names they may use.

#include <map>
#include <string>
#include <vector>

#include "lab/layout.hpp"
#include "spec/topology.hpp"

namespace nospof::lab {

/// What templates are rendered from.
struct Facts {
  const spec::Topology& topology;
  Layout layout;
  std::map<std::string, std::string> secrets;  ///< by name; make_secrets
};

/// A random value (32 hexadecimal digits) for each name in Topology::secrets.
std::map<std::string, std::string> make_secrets(const spec::Topology& topology);

/// One text to render. `file`, `first_line` and `what` are for errors only.
struct Template {
  std::string text;
  std::string file;     ///< the template, or the topology file that the text stands in
  int first_line = 1;   ///< line of `file` that the text begins on
  std::string what;     ///< "command of service nginx"; empty: `file` says it
  std::string host;     ///< rendered for this host
  std::string service;  ///< and this service of it; empty: no `service` and no `tls`
};

/// Renders all of them in one child process (python3-jinja2; none is started when no text has
/// anything to render). Results come in the order of the templates. Throws Error with one line per
/// problem: file, line, host, and the undefined name with what was probably meant.
std::vector<std::string> render(const Facts& facts, const std::vector<Template>& templates);

/// The words of a command (a check's exec), rendered for a host. `where` names them in errors.
std::vector<std::string> render_words(const Facts& facts, const std::string& host,
                                      const std::vector<std::string>& words,
                                      const std::string& where);

/// The names that a template of this host and service sees, as JSON text.
std::string template_context(const Facts& facts, const std::string& host,
                             const std::string& service);

}  // namespace nospof::lab
