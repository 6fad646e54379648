#pragma once
// An IPv4 address of a fault's own on a device, told from every other one by its label.

#include <optional>
#include <string>

namespace nospof {

struct LabelledAddress {
  std::string device;
  std::string address;  ///< dotted; added with a prefix length of 32
  std::string label;    ///< begins with the device's name
};

/// The label of this program on that device. Throws Error when the device's name is too long.
std::string own_label(const std::string& device);

/// Throws Error when the address is there already.
void add_labelled_address(const LabelledAddress& address);
/// Deletes it only if device, address and label are those. Returns false when there is none such.
bool delete_labelled_address(const LabelledAddress& address);
bool has_labelled_address(const LabelledAddress& address);

/// The device that has an IPv4 address, whatever its prefix length and label; nothing: none has.
std::optional<std::string> device_with(const std::string& address);

}  // namespace nospof
