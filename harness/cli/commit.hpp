#pragma once
// What this nospof was built from. Defined in a file that the build writes (cmake/Commit.cmake).

namespace nospof::cli {

/// A commit's hash, with "+changes" when the tree had others; empty when it was no clone.
extern const char* const built_commit;

}  // namespace nospof::cli
