#pragma once
// An HTTP server, with TLS or without, of one process and one thread that answers every request at
// once, for benchmarks that kill and freeze it.

#include <string>

namespace nospof::bench {

/// Writes a key with its self-signed certificate for `host` to one PEM file, which also serves as
/// the authority to trust. Throws Error.
void write_identity(const std::string& path, const std::string& host);

/// Waits for one byte on standard input, listens on 127.0.0.1:`port`, writes when it did
/// (CLOCK_MONOTONIC, ns, one line) to standard output, and serves until it is killed.
/// `identity_file` empty: without TLS.
[[noreturn]] void serve(int port, const std::string& identity_file);

}  // namespace nospof::bench
