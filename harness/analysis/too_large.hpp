#pragma once
// A tree whose decision diagrams outgrow what they may use. Internal to analysis: who builds
// diagrams catches it and says so in the result.

#include "system/check.hpp"

namespace nospof::analysis {

class TooLarge : public Error {
 public:
  using Error::Error;
};

}  // namespace nospof::analysis
