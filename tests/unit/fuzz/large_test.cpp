// Inputs that are large and built to be slow or deep: every reader refuses or takes them, within
// its stack and in time in proportion to their size. libFuzzer, which stays small, finds none of
// these.

#include <gtest/gtest.h>

#include "tests/fuzz/targets.hpp"

namespace nospof::fuzz {
namespace {

std::string repeated(std::string_view piece, std::size_t bytes) {
  std::string text;
  text.reserve(bytes + piece.size());
  while (text.size() < bytes) text += piece;
  return text;
}

constexpr std::size_t much = std::size_t{64} << 10U;

TEST(LargeInputs, DeepYamlIsRefused) {
  for (const std::string_view piece :
       {"[", "{", "- ", "? ", "{a: ", "[[", "- - ", "&a [", "!a [", "a: {b: [", "{? "}) {
    SCOPED_TRACE(piece);
    topology(repeated(piece, much));
    experiment(repeated(piece, much));
  }
}

TEST(LargeInputs, LongYamlIsReadInTime) {
  for (const std::string_view piece :
       {"a", "a: b\n", "- a\n", "# a\n", "'a", "\"\\x41", "%TAG ! a\n", "\n", " ", "a: *a\n",
        "[a, b], ", "|\n a\n", "---\n", "&a b\n"}) {
    SCOPED_TRACE(piece);
    topology(repeated(piece, much));
  }
  std::string keys = "kind: topology\n";
  for (int i = 0; i < 9'000; ++i) keys += "key" + std::to_string(i) + ": 1\n";
  topology(keys);
  topology("kind: topology\nname: &a " + std::string(much / 2, 'x') + "\nhosts: [" +
           repeated("*a, ", much / 2) + "]\n");
}

TEST(LargeInputs, HistoriesThatAreDeepOrLongAreRefused) {
  for (const std::string_view piece : {"[", "{", "(", "#{", "#_", "#_ [", "#a ", "{:a ", "##", "\\",
                                       "{\"a\":", ";\n", "\"", "jepsen.util - 0 :invoke "}) {
    SCOPED_TRACE(piece);
    history(repeated(piece, much));
  }
}

TEST(LargeInputs, MessagesAndAnswersThatAreDeepOrLongAreRefused) {
  for (const std::string_view piece : {"[", "{\"a\":", "[[", "{\"a\":[", "\n", "a", "0"}) {
    SCOPED_TRACE(piece);
    messages(repeated(piece, much));
    for (const char* reader : {"0", "1", "2", "5", "7a.b\n", "8", "9", ":", ";"})
      answers(reader + repeated(piece, much));
    run(repeated(piece, much / 4));
  }
  run(repeated("{}\n", much / 4));
  answers("0HTTP/1.1 200 OK\r\n" + repeated("A: b\r\n", much));
  answers("0HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + repeated("1\r\na\r\n", much));
  answers("7" + repeated("a.", much) + "\n{\"a\":1}");
}

TEST(LargeInputs, WhatAHostTellsMayBeLong) {
  for (const char reader : {'0', '1', '2', '3', '4', '6', '7'})
    for (const std::string_view piece : {"table ip a {\n", "set a {\n", "\n", "1", "elements = {\n",
                                         "a b c counter packets 1 bytes 1 ", "[", "1.", "."}) {
      SCOPED_TRACE(reader);
      SCOPED_TRACE(piece);
      host(reader + repeated(piece, much));
    }
}

}  // namespace
}  // namespace nospof::fuzz
