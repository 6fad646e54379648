#pragma once
// What the tests of history share: histories made by hand and at random, and a checker that tries
// everything.

#include <random>
#include <span>
#include <string>
#include <vector>

#include "history/history.hpp"

namespace nospof::history::test {

/// A path in the folder of history files.
std::string history_file(const std::string& name);

/// An operation that returned: places are given, everything else is in `what`: "write 3", "read
/// nil", "cas 1 2".
Operation operation(std::int64_t process, const std::string& what, std::size_t invoked,
                    std::size_t returned);
/// The same without a return.
Operation unfinished(std::int64_t process, const std::string& what, std::size_t invoked);

/// What a history at random is made of.
struct Shape {
  int clients = 3;
  int operations = 6;
  int values = 3;
  double unfinished = 0.15;  ///< share of operations without a return
  double wrong = 0.3;        ///< share of histories that are spoilt: one answer is made up
};

/// A history that a register has really answered, one operation after the other at a time between
/// invocation and return; or one that was spoilt.
std::vector<Operation> random_history(const Shape& shape, std::mt19937& random);

/// Linearizable by definition: some order of all operations that returned, and of some of those
/// that did not, explains every answer and respects what was over before what began. Tries all of
/// them, remembers nothing.
bool linearizable_by_trying_all(std::span<const Operation> operations);

/// "0: write 3 [0..4]" for each: for messages.
std::string text_of(std::span<const Operation> operations);

}  // namespace nospof::history::test
