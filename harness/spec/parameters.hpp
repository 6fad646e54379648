#pragma once
// Parameters of faults: read and checked against the catalogue. Internal to spec.

#include "spec/formats.hpp"

namespace nospof::spec {

/// What one parameter looks like in YAML.
FieldInfo parameter_field(const ParameterInfo& info);

/// Reads a map of parameters; reports unknown names and wrong values.
void read_parameters(Context& context, const Node& node, const KindInfo& kind, Parameters& out);

/// Fills in defaults and reports required parameters that are missing.
void complete_parameters(Context& context, const Node& node, const KindInfo& kind, Parameters& out);

}  // namespace nospof::spec
