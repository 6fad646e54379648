#pragma once
// The connections probe: which TCP connections the services of this host really make to other
// hosts, and whether a flow of the topology allows them.
//
// It asks the kernel for all open connections every `every_ns`, and is told by the kernel of each
// one that ends, so that those that last for less than that are seen, too. A connection counts once
// it has carried data, or when two looks in a row saw it open.
//
// Which end connected? The other one of who listens: this host's own listening sockets say, then
// `listeners`, then the port: the lower one listens. A connection between two of the `hosts` is
// told of by the one that made it. Connections of a host with itself do not count, nor do those
// that the probes in this process make.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   host       text, required  name of this host, one of `hosts`
//   every_ns   integer         from one look to the next; default 1 s
//   quiet_ns   integer         a connection that no flow allows is over when there was none for so
//                              long; default 10 s
//   hosts      list, required  1 to 2,000 hosts and floating addresses:
//     name     text, required
//     address  text, required  its IPv4 address
//   listeners  list            on which ports of them services are meant to listen:
//     on       text, required  name of one of `hosts`
//     port     integer, required
//   uses       list            what this host may connect to:
//     flow     text, required  name of the flow that allows it
//     to       text, required  name of one of `hosts`
//     port     integer, required
//
// Findings; a subject is "<from> -> <to>:<port>/tcp", with an address for what is none of `hosts`:
//   unknown-connection  no flow allows it: this host made it, or somebody who is none of `hosts`
//                       made it to here; a violation. `count` is how many connections there were
//                       since it is told, told again when there are more; over after `quiet_ns`
//                       without an open one or a new one
//   idle-route          one of `uses`, until it is seen to be used for the first time; no
//                       violation. The detail is the flow's name
//
// A round is a look: `checked` counts it, and the connections that were seen since the one before.
// A look that failed is undecided; so is one in whose time the kernel had more to tell than there
// was room for.
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() throws SystemError where the kernel does not
/// tell of connections (CONFIG_INET_DIAG); run() must be called in the same network namespace.
std::unique_ptr<kinds::ProbeKind> make_connections();

}  // namespace nospof::probes
