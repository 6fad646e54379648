#include "tests/unit/history/support.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "tests/support/places.hpp"

namespace nospof::history::test {

namespace {

Value value_of(const std::string& text) {
  return text == "nil" ? Value() : Value(std::stoll(text));
}

// Whether an operation may act on this value, and what it leaves there.
bool act(const Operation& operation, Value& value) {
  if (operation.function == Function::read) return value == operation.value;
  if (operation.function == Function::cas && value != operation.expected) return false;
  value = operation.value;
  return true;
}

bool try_all(std::span<const Operation> operations, std::vector<bool>& done, const Value& value) {
  // The first return among those that are left: whatever began after it has to wait.
  std::size_t first_return = static_cast<std::size_t>(-1);
  bool all_done = true;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (done[i] || operations[i].outcome != Outcome::ok) continue;
    all_done = false;
    first_return = std::min(first_return, *operations[i].returned);
  }
  if (all_done) return true;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (done[i] || operations[i].invoked > first_return) continue;
    Value after = value;
    if (!act(operations[i], after)) continue;
    done[i] = true;
    const bool found = try_all(operations, done, after);
    done[i] = false;
    if (found) return true;
  }
  return false;
}

class Generator {
 public:
  Generator(const Shape& shape, std::mt19937& random) : shape_(shape), random_(random) {}

  std::vector<Operation> run() {
    std::vector<std::size_t> open;  // indices of operations
    int begun = 0;
    while (begun < shape_.operations || !open.empty()) {
      const bool can_begin = begun < shape_.operations && std::ssize(open) < shape_.clients;
      if (can_begin && (open.empty() || chance(0.5))) {
        open.push_back(all_.size());
        begin();
        ++begun;
      } else {
        const std::size_t which = below(open.size());
        end(all_[open[which]]);
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
    std::erase_if(all_, [](const Operation& o) {
      return o.outcome == Outcome::failed ||
             (o.outcome == Outcome::unknown && o.function == Function::read);
    });
    if (chance(shape_.wrong)) spoil();
    return all_;
  }

 private:
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  Value some_value() {
    return static_cast<std::int64_t>(below(static_cast<std::size_t>(shape_.values)));
  }

  void begin() {
    Operation operation;
    operation.process = std::ssize(all_);
    operation.function = static_cast<Function>(below(3));
    operation.invoked = place_++;
    if (operation.function != Function::read) operation.value = some_value();
    if (operation.function == Function::cas)
      operation.expected = chance(0.2) ? Value() : some_value();
    all_.push_back(operation);
    // Half of them act at once, the others when they return.
    if (chance(0.5)) take_effect(all_.back());
  }

  void take_effect(Operation& operation) {
    acted_.push_back(operation.process);
    if (operation.function == Function::read) operation.value = register_;
    operation.outcome = act(operation, register_) ? Outcome::ok : Outcome::failed;
  }

  void end(Operation& operation) {
    const bool lost = chance(shape_.unfinished);
    const bool acted = std::ranges::find(acted_, operation.process) != acted_.end();
    if (!acted && !(lost && chance(0.5))) take_effect(operation);
    if (lost && operation.outcome != Outcome::failed)
      operation.outcome = Outcome::unknown;
    else
      operation.returned = place_++;
  }

  void spoil() {
    if (all_.empty()) return;
    Operation& operation = all_[below(all_.size())];
    (operation.function == Function::cas ? operation.expected : operation.value) = some_value();
  }

  const Shape& shape_;
  std::mt19937& random_;
  std::vector<Operation> all_;
  std::vector<std::int64_t> acted_;
  std::size_t place_ = 0;
  Value register_;
};

}  // namespace

std::string history_file(const std::string& name) {
  return std::string(nospof::test::source_folder) + "/tests/histories/" + name;
}

Operation unfinished(std::int64_t process, const std::string& what, std::size_t invoked) {
  std::istringstream words(what);
  std::string function, first, second;
  words >> function >> first >> second;
  Operation operation;
  operation.process = process;
  operation.invoked = invoked;
  operation.function = function == "read"    ? Function::read
                       : function == "write" ? Function::write
                                             : Function::cas;
  operation.value = value_of(operation.function == Function::cas ? second : first);
  if (operation.function == Function::cas) operation.expected = value_of(first);
  return operation;
}

Operation operation(std::int64_t process, const std::string& what, std::size_t invoked,
                    std::size_t returned) {
  Operation done = unfinished(process, what, invoked);
  done.outcome = Outcome::ok;
  done.returned = returned;
  return done;
}

std::vector<Operation> random_history(const Shape& shape, std::mt19937& random) {
  return Generator(shape, random).run();
}

bool linearizable_by_trying_all(std::span<const Operation> operations) {
  std::vector<bool> done(operations.size());
  return try_all(operations, done, Value());
}

std::string text_of(std::span<const Operation> operations) {
  std::string text;
  for (const Operation& o : operations)
    text += fmt::format("{}: {} [{}..{}]\n", o.process, describe(o), o.invoked,
                        o.returned ? fmt::format("{}", *o.returned) : "");
  return text;
}

}  // namespace nospof::history::test
