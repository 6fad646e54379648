#pragma once
// What a run is to be known by later, beside what happens in it: the files it was made from, and
// the machine it was on.

#include <string>

#include <boost/json/object.hpp>

#include "spec/topology.hpp"

namespace nospof::control {

/// Copies the topology's file and the templates that it names to FOLDER/topology/, in the same
/// order below it, so that the copy can be read and run. Throws Error when they are no longer what
/// `topology` was read from, SystemError when one cannot be read or written.
void keep_topology(const spec::Topology& topology, const std::string& folder);

/// The fields of the event "machine" (docs/run-directory.md).
boost::json::object machine_event();

}  // namespace nospof::control
