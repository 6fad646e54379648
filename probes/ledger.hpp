#pragma once
// The ledger probe: clients that write through the whole stack and read back what they, and others,
// have written. Everything that was acknowledged must be there, whatever was broken in between.
//
// Each of its sessions does one after the other: write a row, under an id and with a token that
// were never used before; read the row that another session wrote last; write a register; read a
// register. A register is a key that all sessions write and read, each write with a token of its
// own; it is written for 10 s, then the next one is, and read for 10 s more, or until there is a
// good answer. Besides, audits read the latest rows, and in turn the older ones. When the probe is
// told to stop, or a session cannot go on, it reads all of its rows once more.
//
// Operations of a session are due at start + k * every_ns. It has one under way at a time; those
// that come due meanwhile are left out. Each has a connection of its own.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   write_url       text, required  "https://host/write?id={id}&v={token}", or "http://..": stores
//                                   the token under the id, reads it back, and answers JSON with a
//                                   "v": what it read. It does so once for a token under
//                                   an id: asked again it only reads back, however late
//   read_url        text, required  "https://host/read?ids={ids}", on the same server: the stored
//                                   ones of these ids, as {"ID":"TOKEN",..}; at most 200, with
//                                   commas between them, a request line of about 4,000 bytes
//   address         text            IP address for the host; absent: resolved by make()
//   authority_file  text            PEM certificates that may vouch; absent: the system's
//   expect_status   integer         of a good answer; default 200
//   marker          text            stands at the head of every id and token, 8 to 32 letters,
//                                   digits and -; absent: a random one
//   sessions        integer         1 to 64; default 4
//   every_ns        integer         from one operation of a session to its next; default 250 ms
//   timeout_ns      integer         for one operation; default 3 s
//   audit_every_ns  integer         from one audit to the next; default 1 s
//
// How an operation ended. A write is `ok` when the page says that it was done and that is proven:
// it has the expected status and read back the token, of a register also one that another session
// wrote to it. It is `fail` when it was certainly not done: the connection, or its TLS, was never
// open, so that nothing was sent. Anything else is `info`: no answer in time, a reset, 503, another
// status, something that is no such JSON. A read is `ok` with any good answer and `fail` without
// one.
//
// The operations are two histories, which docs/history.md describes: a ledger, whose rows are
// numbered by the end of their ids, and registers, by the numbers of their tokens (below 0: a token
// of nobody's making). Of the audits only the questions about rows that were missing stand in it,
// and the last read. A session whose operation ended with `info` goes on as another process.
//
// Findings; detail names ids and when they were acknowledged:
//   what "lost-write", a violation: subject "acknowledged writes, loss 3". A good answer to a
//     question that was sent after rows were acknowledged did not have them, nor did the answer to
//     another one that was sent at once. Those that were found together are one loss, `count` is
//     how many. It is told again when some were seen after all, and as `over` when all were.
//   what "wrong-value", a violation: subject is an id, under which there is a token that nobody
//     wrote there. Told once for each row, and never over.
//   what "stale-read": the answer to the first question did not have `count` rows, that to the
//     second one did, or another one's meanwhile. An event, so it is never over.
// clang-format on
//
// A round is an audit: `checked` rows were asked for, `undecided` of them without a good answer.
// When 100,000 rows were written, no more are, and all is undecided from then on.

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

std::unique_ptr<kinds::ProbeKind> make_ledger();

}  // namespace nospof::probes
