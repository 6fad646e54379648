#pragma once
// A kind of probe made from its description and one function.

#include <functional>
#include <memory>
#include <utility>

#include "kinds/probe.hpp"

namespace nospof::probes {

class SimpleKind final : public kinds::ProbeKind {
 public:
  using Make = std::function<std::unique_ptr<kinds::Probe>(const kinds::json::object& config)>;
  SimpleKind(spec::KindInfo info, Make make) : info_(std::move(info)), make_(std::move(make)) {}

  const spec::KindInfo& info() const override { return info_; }
  std::unique_ptr<kinds::Probe> make(const kinds::json::object& config) const override {
    return make_(config);
  }

 private:
  spec::KindInfo info_;
  Make make_;
};

}  // namespace nospof::probes
