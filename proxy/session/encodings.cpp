#include "proxy/session/encodings.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "proxy/sql/text.hpp"

namespace pgweir::session {

namespace {

// As PostgreSQL compares the names of encodings: letters and digits only, in lower case.
bool is_one_of(std::string_view encoding, std::span<const std::string_view> names) {
    std::string clean;
    for (const char c : encoding) {
        const char lower = sql::lower(c);
        if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) clean += lower;
    }
    return std::ranges::find(names, clean) != names.end();
}

}  // namespace

bool has_ascii_trail_bytes(std::string_view client_encoding) {
    constexpr std::array<std::string_view, 16> kEncodings{"sjis",  "shiftjis", "mskanji",    "win932", "windows932", "big5",   "win950",     "windows950",
                                                          "gbk",   "win936",   "windows936", "uhc",    "win949",     "windows949", "gb18030",
                                                          "johab"};
    return is_one_of(client_encoding, kEncodings) || is_one_of(client_encoding, std::array<std::string_view, 1>{"shiftjis2004"});
}

bool is_utf8(std::string_view client_encoding) {
    constexpr std::array<std::string_view, 2> kNames{"utf8", "unicode"};
    return is_one_of(client_encoding, kNames);
}

}  // namespace pgweir::session
