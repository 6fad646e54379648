#pragma once
// The histories of a run: from its folder, and into result.json.

#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include "verdict/histories.hpp"
#include "verdict/record.hpp"

namespace nospof::report {

/// Reads those of every start of a ledger probe, in their order. A torn last line is passed over;
/// that, and what cannot be read, is noted in `damage`.
void load_histories(const std::string& run_folder, verdict::RunRecord& run);

boost::json::array histories_json(const std::vector<verdict::HistoryResult>& results);

}  // namespace nospof::report
