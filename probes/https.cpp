#include "probes/https.hpp"

#include "probes/https_config.hpp"
#include "probes/https_probe.hpp"

namespace nospof::probes {

namespace {

using spec::ParameterType;

spec::KindInfo https_info() {
  spec::KindInfo info;
  info.name = "https";
  info.summary = "GET requests at a set rate over verified TLS, latency counted from the schedule";
  info.parameters = {
      {"url", ParameterType::text, true, "", {}, "what to get; {id} and {token} are replaced"},
      {"address", ParameterType::text, false, "", {}, "IP address for the URL's host"},
      {"port", ParameterType::integer, false, "", {}, "port to connect to instead of the URL's"},
      {"authority-file",
       ParameterType::text,
       false,
       "",
       {},
       "PEM file of the authorities to trust"},
      {"rate", ParameterType::rate, true, "", {}, "requests per second"},
      {"connection",
       ParameterType::text,
       false,
       "fresh",
       {"fresh", "keep-alive"},
       "a new connection for every request, or idle ones used again"},
      {"timeout", ParameterType::duration, false, "3s", {}, "deadline, from the scheduled time"},
      {"slow", ParameterType::duration, false, "1s", {}, "a right answer later than this is slow"},
      {"expect-status", ParameterType::integer, false, "200", {}, "HTTP status of a right answer"},
      {"expect-body",
       ParameterType::text,
       false,
       "",
       {},
       "text that a right answer contains; {id} and {token} are replaced"},
      {"max-in-flight",
       ParameterType::integer,
       false,
       "20000",
       {},
       "requests under way at once; those due beyond it are local errors"},
      {"count", ParameterType::integer, false, "0", {}, "requests in all; 0: no end"},
      {"marker",
       ParameterType::text,
       false,
       "",
       {},
       "at the head of every id and token, 8 to 32 characters; a random one if not given"},
  };
  return info;
}

class HttpsKind final : public kinds::ProbeKind {
 public:
  const spec::KindInfo& info() const override { return info_; }
  std::unique_ptr<kinds::Probe> make(const kinds::json::object& config) const override {
    return make_https_probe(parse_https_config(config));
  }

 private:
  spec::KindInfo info_ = https_info();
};

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_https() {
  return std::make_unique<HttpsKind>();
}

}  // namespace nospof::probes
