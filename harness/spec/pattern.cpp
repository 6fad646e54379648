#include "spec/pattern.hpp"

#include <boost/regex.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::spec {

bool found_in(std::string_view text, const std::string& expression) {
  try {
    return boost::regex_search(text.begin(), text.end(),
                               boost::regex(expression, boost::regex::ECMAScript),
                               boost::match_not_dot_newline | boost::match_single_line);
  } catch (const std::runtime_error& e) {
    throw Error(fmt::format("looking for /{}/ in {} bytes: {}", expression, text.size(), e.what()));
  }
}

std::string fault_of_expression(const std::string& expression) {
  try {
    const boost::regex compiled(expression, boost::regex::ECMAScript);
    return {};
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

}  // namespace nospof::spec
