#pragma once
// What an importer has found, and the topology made from it. Internal to importers.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "spec/document.hpp"

namespace nospof::importers {

/// A group of like hosts.
struct FoundTier {
  std::string name;
  std::vector<std::string> hosts;    ///< as the source calls them
  std::vector<std::string> remarks;  ///< comments on the tier: an image, a replica count
  std::vector<std::string> listens;  ///< "443/tcp"
  std::vector<std::string> command;  ///< argv; empty: not known
  std::set<std::string> depends_on;  ///< names of tiers
};

/// A host's address or destination as the source has it.
struct FoundPlace {
  std::string host;
  std::string place;
};

/// Something that several hosts hang on.
struct FoundSegment {
  std::string name;
  std::vector<std::string> tiers;
  std::vector<std::string> hosts;
};

struct Found {
  std::string name;  ///< of the topology
  std::string from;  ///< "the docker-compose file x.yaml"
  std::vector<FoundTier> tiers;
  std::vector<FoundPlace> places;
  std::vector<FoundSegment> segments;
  std::vector<std::string> not_known;  ///< further lines "# not known: ..."
};

/// Throws Error when there is no host at all, or more than an IPv4 /24 has.
std::string skeleton(const Found& found, const std::string& file);

/// What a topology may call it: lower case, '-' for everything else, at most `longest` characters.
std::string label_of(const std::string& text, std::size_t longest, const std::string& fallback);

/// The text of a scalar under that key; empty when there is none.
std::string scalar(const spec::Node& map, std::string_view key);
/// Texts of a list of scalars, or the one scalar.
std::vector<std::string> texts(const spec::Node* node);
/// The words of a command as a list, or as a text of plain words; empty for one that needs a shell.
std::vector<std::string> command_words(const spec::Node* node);

Found read_compose(const spec::Node& root, const std::string& file, spec::Problems& problems);
Found read_containerlab(const spec::Node& root, const std::string& file, spec::Problems& problems);
Found read_ansible_yaml(const spec::Node& root, const std::string& file, spec::Problems& problems);
Found read_ansible_ini(const std::string& text, const std::string& file, spec::Problems& problems);

}  // namespace nospof::importers
