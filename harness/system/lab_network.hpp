#pragma once
// Lab addresses (198.18.0.0/15) exist only inside namespaces that nospof made. Dialled from
// anywhere else they would leave by the default route, so every connection to them is checked here
// first.

#include <string_view>

namespace nospof {

/// Whether a numeric IPv4 or IPv6 address (also an IPv4-mapped one) lies in 198.18.0.0/15.
/// Throws Error when the text is no address.
bool is_lab_address(std::string_view address);

/// Whether the calling thread's network namespace has an address in 198.18.0.0/15 itself.
bool inside_lab_network();

/// Throws Error when `address` is a lab address and this is no lab namespace.
void require_lab_namespace_for(std::string_view address);

}  // namespace nospof
