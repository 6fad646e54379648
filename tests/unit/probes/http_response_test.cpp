#include "probes/http_response.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nospof::probes {
namespace {

using State = HttpResponse::State;

struct Case {
  std::string name;
  std::string bytes;
  State state;
  int status;
  std::string body;
  bool reusable;
};

std::vector<Case> cases() {
  return {
      {"Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", State::complete, 200, "hello",
       true},
      {"LengthIgnoresCaseAndSpace", "HTTP/1.1 200 OK\r\ncontent-LENGTH:\t 2 \r\n\r\nab",
       State::complete, 200, "ab", true},
      {"SameLengthTwice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
       State::complete, 200, "ab", true},
      {"EmptyBody", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
       State::complete, 503, "", true},
      {"NoReason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", State::complete, 200, "x", true},
      {"NoContent", "HTTP/1.1 204 No Content\r\n\r\n", State::complete, 204, "", true},
      {"Close", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\nx",
       State::complete, 200, "x", false},
      {"Http10", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", State::complete, 200, "x", false},
      {"Chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
       "5;ext=1\r\nhello\r\nC\r\n, wide world\r\n0\r\nTrailer: t\r\n\r\n",
       State::complete, 200, "hello, wide world", true},
      {"Interim",
       "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
       State::complete, 200, "x", true},
      {"UntilClose", "HTTP/1.1 200 OK\r\n\r\nsome of it", State::incomplete, 200, "some of it",
       false},
      {"Surplus", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", State::complete, 200, "x",
       false},
      {"CutBody", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", State::incomplete, 200,
       "hell", true},
      {"CutHead", "HTTP/1.1 200 OK\r\nContent-Le", State::incomplete, 200, "", true},
      {"CutChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
       State::incomplete, 200, "hello", true},
  };
}

TEST(HttpResponse, ParsesTheSameHoweverTheBytesAreSplit) {
  for (const Case& c : cases()) {
    for (const std::size_t step :
         {c.bytes.size(), std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
      SCOPED_TRACE(c.name + " in steps of " + std::to_string(step));
      HttpResponse response;
      EXPECT_FALSE(response.begun());
      for (std::size_t at = 0; at < c.bytes.size(); at += step)
        response.feed(std::string_view(c.bytes).substr(at, step));
      EXPECT_TRUE(response.begun());
      EXPECT_EQ(response.state(), c.state);
      EXPECT_EQ(response.status(), c.status);
      EXPECT_EQ(response.body(), c.body);
      EXPECT_EQ(response.reusable(), c.reusable);
    }
  }
}

TEST(HttpResponse, RefusesWhatIsNoAnswer) {
  const std::vector<std::string> malformed = {
      "SSH-2.0-OpenSSH_9.2\r\n",
      "G",
      "HTTP/2 200\r\n",
      "HTTP/1.1 abc OK\r\n",
      "HTTP/1.1 20 OK\r\n",
      "HTTP/1.1 2000 OK\r\n",
      "HTTP/1.1 999 OK\r\n",
      "HTTP/1.1-200 OK\r\n",
      "HTTP/1.1 200 OK\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n",
      "HTTP/1.1 200 OK\r\n: no name\r\n",
      "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
  };
  for (const std::string& bytes : malformed) {
    for (const std::size_t step : {bytes.size(), std::size_t{1}}) {
      SCOPED_TRACE(bytes + " in steps of " + std::to_string(step));
      HttpResponse response;
      for (std::size_t at = 0; at < bytes.size(); at += step)
        response.feed(std::string_view(bytes).substr(at, step));
      EXPECT_EQ(response.state(), State::malformed);
      EXPECT_EQ(response.finish(), State::malformed);
    }
  }
}

TEST(HttpResponse, OnlyABodyWithoutLengthEndsWithTheStream) {
  HttpResponse open_ended;
  open_ended.feed("HTTP/1.1 200 OK\r\n\r\nall of it");
  EXPECT_EQ(open_ended.finish(), State::complete);
  EXPECT_EQ(open_ended.body(), "all of it");
  EXPECT_FALSE(open_ended.reusable());

  for (const Case& c : cases()) {
    if (!c.name.starts_with("Cut")) continue;
    SCOPED_TRACE(c.name);
    HttpResponse cut;
    cut.feed(c.bytes);
    EXPECT_EQ(cut.finish(), State::incomplete);
  }
}

TEST(HttpResponse, IsBoundedInEveryPart) {
  const std::string much(HttpResponse::size_limit + 1, 'x');
  HttpResponse announced;
  EXPECT_EQ(announced.feed("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"), State::too_large);
  HttpResponse open_ended;
  EXPECT_EQ(open_ended.feed("HTTP/1.1 200 OK\r\n\r\n" + much), State::too_large);
  HttpResponse chunk;
  EXPECT_EQ(chunk.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n"),
            State::too_large);
  HttpResponse head;
  EXPECT_EQ(head.feed("HTTP/1.1 200 OK\r\nA: " + much), State::too_large);
  HttpResponse many_headers;
  many_headers.feed("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 10000; ++i) many_headers.feed("Name: value\r\n");
  EXPECT_EQ(many_headers.state(), State::too_large);

  HttpResponse largest;
  largest.feed("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
  EXPECT_EQ(largest.feed(std::string_view(much).substr(1)), State::complete);
  EXPECT_EQ(largest.body().size(), HttpResponse::size_limit);
}

TEST(HttpResponse, StartsAnewWhenCleared) {
  HttpResponse response;
  response.feed("HTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbad");
  response.clear();
  EXPECT_FALSE(response.begun());
  EXPECT_EQ(response.feed("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"), State::complete);
  EXPECT_EQ(response.body(), "good");
  EXPECT_TRUE(response.reusable());
}

}  // namespace
}  // namespace nospof::probes
