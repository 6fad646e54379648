#pragma once
// Where everything of a lab lies. The paths are the same outside and inside of its hosts.

#include <string>

namespace nospof::lab {

/// Paths of one host's folder, <lab>/hosts/<host>.
struct HostLayout {
  std::string folder;
  std::string etc;         ///< configuration; made anew at each boot, except for tls/
  std::string tls;         ///< <etc>/tls: certificates and keys, made once
  std::string data;        ///< kept over a crash
  std::string log;         ///< <service>.log each, kept over a crash
  std::string sv;          ///< runit's service folders; made anew at each boot
  std::string hosts_file;  ///< mounted over /etc/hosts
  std::string nft_file;    ///< the host's ruleset
  std::string init_file;   ///< for the program that becomes pid 1's parent to keep what it needs

  std::string log_file(const std::string& service) const { return log + "/" + service + ".log"; }
  std::string service_folder(const std::string& service) const { return sv + "/" + service; }
  std::string certificate(const std::string& service) const { return tls + "/" + service + ".crt"; }
  std::string key(const std::string& service) const { return tls + "/" + service + ".key"; }
  std::string bundle(const std::string& service) const { return tls + "/" + service + ".pem"; }
  /// The host's own copy of a CA certificate.
  std::string authority(const std::string& name) const { return tls + "/ca/" + name + ".crt"; }
};

/// Paths of one lab's folder, <root>/labs/<name>.
struct Layout {
  std::string folder;

  static Layout of(const std::string& root, const std::string& name) {
    return {root + "/labs/" + name};
  }

  std::string hosts() const { return folder + "/hosts"; }
  std::string tls() const { return folder + "/tls"; }
  std::string journal() const { return folder + "/journal"; }
  std::string keeper_socket() const { return folder + "/keeper.sock"; }
  std::string keeper_file() const { return folder + "/keeper.json"; }
  std::string keeper_log() const { return folder + "/keeper.log"; }
  /// Locked (flock, shared) while the lab's keeper, or who brings it up, lives.
  std::string lock_file() const { return folder + "/lock"; }
  std::string record_file() const { return folder + "/lab.json"; }      ///< LabRecord; root only
  std::string recipes_file() const { return folder + "/boot.json"; }    ///< HostRecipes; root only
  std::string topology_folder() const { return folder + "/topology"; }  ///< a copy of its own
  std::string authority_certificate(const std::string& authority) const {
    return tls() + "/" + authority + ".crt";
  }
  /// Only with an intermediate authority: its certificate, which services show after their own.
  std::string intermediate_certificate(const std::string& authority) const {
    return tls() + "/" + authority + ".intermediate.crt";
  }
  /// Mode 0600, root: what issues further certificates while the lab is up (the intermediate's key
  /// where there is one).
  std::string authority_key(const std::string& authority) const {
    return authority_keys() + "/" + authority + ".key";
  }
  std::string authority_keys() const { return folder + "/keys"; }  ///< empty inside of the hosts

  HostLayout host(const std::string& name) const {
    const std::string base = hosts() + "/" + name;
    return {base,         base + "/etc",   base + "/etc/tls", base + "/data", base + "/log",
            base + "/sv", base + "/hosts", base + "/nft",     base + "/init"};
  }
};

}  // namespace nospof::lab
