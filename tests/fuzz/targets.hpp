#pragma once
// The fuzz targets: each feeds bytes that nobody of us wrote to some of our parsers. A target must
// return, whatever the bytes are: bad input is refused with our own exceptions, which it takes.
// libFuzzer's programs (entry.cpp) and the replay of all seeds (tests/unit/fuzz) share them.

#include <string_view>

namespace nospof::fuzz {

void answers(std::string_view bytes);
void experiment(std::string_view bytes);
void history(std::string_view bytes);
void host(std::string_view bytes);
void messages(std::string_view bytes);
void run(std::string_view bytes);
void samples(std::string_view bytes);
void stack(std::string_view bytes);
void topology(std::string_view bytes);

}  // namespace nospof::fuzz
