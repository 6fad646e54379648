#pragma once
// Phrases that all renderings of a run share.

#include <optional>
#include <string>
#include <vector>

#include "verdict/judge.hpp"
#include "verdict/record.hpp"

namespace nospof::report {

/// "No single point of failure was found", "Nothing is proven": how a claim begins.
std::string outcome_text(const verdict::RunRecord& run, const verdict::RunResult& result);
/// What the run proves and for what, in one sentence.
std::string claim(const verdict::RunRecord& run, const verdict::RunResult& result);
/// "https every 20 ms from client, fresh connections, answers within 1 s".
std::string workload_text(const verdict::ProbeInfo& probe);
/// "process-kill", or "process-kill:all" for a variant.
std::string fault_text(const verdict::CellPlan& plan);
/// "SLO 99.9%: 12 of 17300 requests failed, 17.3 may: burn rate 0.694; 500 in the worst cell, ..";
/// empty when the record tells no SLO.
std::string budget_text(const verdict::RunResult& result);
/// What that so many cells passed says about cells like them; empty when it says nothing.
std::string bound_text(const verdict::RunResult& result);
/// "none", "1.2 s .. 1.24 s"; "-" when nothing was injected.
std::string outage_text(const verdict::CellResult& cell);
/// "14/320", "-".
std::string failed_text(const verdict::CellResult& cell);
/// How long until served again: "1.24 s", "-" without an outage, "never" when it was not.
std::string recovery_text(const verdict::CellResult& cell);
/// How long until redundant again: "4.1 s", "-".
std::string redundant_text(const verdict::CellResult& cell);
/// Share of requests that were served since the injection: "99.2%", "-".
std::string availability_text(const verdict::CellResult& cell);
/// How many writes that had been acknowledged are gone: "0", "-" when nobody looked. The next two
/// likewise: TLS connections and clear text that may not be, and flows that are open or closed
/// against the topology ("1+2": one open, two closed).
std::string lost_text(const verdict::CellResult& cell);
std::string tls_text(const verdict::CellResult& cell);
std::string firewall_text(const verdict::CellResult& cell);
/// How long until the stack's own monitoring raised an alert: "2.1 s", "no alert", "-".
std::string detected_text(const verdict::CellResult& cell);
/// "plaintext: 198.18.0.21 -> 198.18.0.31:8443/tcp (seen on web1, app1: ..)".
std::string finding_text(const verdict::StandingFinding& finding);
/// "ledger.jsonl: ok; rows: 240 ok, 0 lost, ..", "register.jsonl: linearizable; 480 operations on 7
/// registers".
std::string history_text(const verdict::HistoryResult& result);
/// "in lab 2, beside 1 other lab: inconclusive (outage of at least 10 s, ..)".
std::string earlier_text(const verdict::EarlierTry& earlier);
/// What a run left out, entries with the same reason in one when there are many of them.
std::vector<verdict::LeftOut> grouped(const std::vector<verdict::LeftOut>& left_out);
/// "process-kill (1.2 s .. 1.24 s), host-crash (at least 10 s)".
std::string spof_faults_text(const verdict::Spof& spof);
/// The command that runs one cell again.
std::string repeat_cell(const verdict::RunRecord& run, const verdict::CellPlan& plan);
/// The command that repeats the whole run.
std::string repeat_run(const verdict::RunRecord& run);

/// "12 hosts, all on this machine's clock", or those with another one and how well it is known;
/// empty when clocks were never compared.
std::string clocks_text(const verdict::RunRecord& run);

}  // namespace nospof::report
