#pragma once
// Where the tests find what they look at. Defined in a file that the build writes, so that no other
// file's compilation depends on where the tree lies.

namespace nospof::test {

extern const char* const source_folder;  ///< the top of the source tree
extern const char* const built_program;  ///< the built nospof

}  // namespace nospof::test
