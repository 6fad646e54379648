#pragma once
// What the sections of a topology must satisfy together. Internal to spec.

#include "spec/table.hpp"

namespace nospof::spec {

/// Checks a topology that was read from `root`.
void check_topology(Context& context, const Node& root, const Topology& topology);

/// Reads the templates that the services name, checks the names in them and in the words of
/// commands, and returns the SHA-256 over the topology's text and all of them, in hex.
std::string check_templates(Context& context, const Node& root, std::string_view text,
                            const Topology& topology);

}  // namespace nospof::spec
