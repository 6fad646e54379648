#pragma once
// The table of a topology file. Internal to spec.

#include "spec/formats.hpp"

namespace nospof::spec {

/// Everything a topology file may say; made once, never changed.
const Section<Topology>& topology_table();

// Its larger parts, one function each.
Format<std::vector<Host>> hosts_format();
Format<std::vector<Service>> services_format();
Format<std::vector<Flow>> flows_format();
Format<std::vector<TlsHop>> tls_hops_format();
Format<Workload> workload_format();
Format<Monitoring> monitoring_format();
Format<std::vector<SharedDependency>> shared_format();
Format<std::vector<CommonCause>> common_causes_format();
Format<std::vector<UserFunction>> functions_format();
Format<Reliability> reliability_format();

/// Mean time between failures, and until repair: 1h to 100 years, 1s to 1 year.
Format<std::optional<Duration>> mtbf_format();
Format<std::optional<Duration>> mttr_format();

/// `mtbf` and `mttr` of a component that has MeanTimes `times`.
template <typename T>
std::vector<Field<T>> mean_time_fields(const std::string& sort) {
  const auto inner = [](const std::string& key, auto member, auto format, const std::string& doc) {
    Field<T> result;
    result.info = {key, format.shape, false, "", doc};
    result.set = [member, read = std::move(format.read)](Context& context, const Node& node,
                                                         T& out) {
      read(context, node, out.times.*member);
    };
    return result;
  };
  return {
      inner("mtbf", &MeanTimes::mtbf, mtbf_format(),
            "Mean time between failures; without it `reliability." + sort + "`."),
      inner("mttr", &MeanTimes::mttr, mttr_format(),
            "Mean time to repair; without it `reliability." + sort + "`."),
  };
}

/// The first lines of either kind of file.
template <typename T>
std::vector<Field<T>> header_fields(const std::string& kind) {
  Field<T> kind_field;
  kind_field.info = {"kind", one_of_texts({kind}).shape, true, "", "What this file is."};
  kind_field.set = [](Context&, const Node&, T&) {};  // checked before anything else is read
  Field<T> version;
  version.info = {"version", integer(1, 1).shape, true, "", "Version of the format, 1."};
  version.set = [read = integer(1, 1).read](Context& context, const Node& node, T&) {
    int ignored = 0;
    read(context, node, ignored);
  };
  return {kind_field, version};
}

/// Words of a check, its pattern and its time-out; roles and redundancy checks have them.
template <typename T>
std::vector<Field<T>> check_fields() {
  const auto inner = [](const std::string& key, auto member, auto format, bool is_required,
                        const std::string& fallback, const std::string& doc) {
    Field<T> result;
    result.info = {key, format.shape, is_required, fallback, doc};
    result.set = [member, read = std::move(format.read)](Context& context, const Node& node,
                                                         T& out) {
      read(context, node, out.check.*member);
    };
    return result;
  };
  return {
      inner("exec", &Check::exec, words(), true, "",
            "Program and arguments, run on the host without a shell; each word is a template."),
      inner("stdout", &Check::stdout_matches, regular_expression(), false, "",
            "Searched in what the program prints; without it exit code 0 is enough."),
      inner("timeout", &Check::timeout,
            duration(std::chrono::milliseconds(10), std::chrono::minutes(1)), false, "2s",
            "After this time the answer counts as no."),
  };
}

}  // namespace nospof::spec
