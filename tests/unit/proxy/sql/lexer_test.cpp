// Tokens whose end is looked for many bytes at a time: wherever that end is, and wherever the text's.
#include "proxy/sql/lexer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "proxy/sql/next_token.hpp"

namespace pgweir::sql::test {
namespace {

// The first token of a text that ends exactly where its memory does.
Token first_token(std::string_view text) {
    const std::vector<char> bytes(text.begin(), text.end());
    return Lexer({bytes.data(), bytes.size()}, true).next();
}

Keyword keyword_of(std::string_view word) {
    const Token token = first_token(word);
    EXPECT_EQ(token.kind, TokenKind::word) << word;
    EXPECT_EQ(token.end, word.size()) << word;
    return token.keyword.id;
}

TEST(Lexer, WordsEndWhereverTheTextDoes) {
    const std::string longest(70, 'w');
    for (std::size_t size = 1; size <= longest.size(); ++size) {
        for (const char* behind : {"", " ", ",", ".", "\n", "(", "`", "{", "@", "[", "/", ":", "#", "\x7f"}) {
            for (std::size_t padding = 0; padding < 20; ++padding) {
                if (*behind == '\0' && padding > 0) break;
                const Token token = first_token(longest.substr(0, size) + behind + std::string(padding, ' '));
                ASSERT_EQ(token.kind, TokenKind::word);
                ASSERT_EQ(token.end, size) << "before " << behind << " and " << padding << " spaces";
            }
        }
    }
}

TEST(Lexer, WordsHaveLettersDigitsUnderscoresDollarsAndAllBeyondAscii) {
    for (const char* word : {"a0123456789", "azAZ09_$", "_$_$", "\x80\xff\xc3\xa4", "z_0$\x80zzzzzzzzzzzzzz_0$\x80"}) {
        for (const char* padding : {"", "                "}) {
            EXPECT_EQ(first_token(std::string(word) + padding).end, std::string_view(word).size()) << word;
        }
    }
}

TEST(Lexer, KeywordsAreTheirWholeWord) {
    for (const std::string padding : {"", "                    "}) {
        const auto id = [&padding](const std::string& word) { return first_token(word + padding).keyword.id; };
        EXPECT_EQ(id("select"), Keyword::select);
        EXPECT_EQ(id("SeLeCT"), Keyword::select);
        EXPECT_EQ(id("selects"), Keyword::none);
        EXPECT_EQ(id("selec"), Keyword::none);
        EXPECT_EQ(id("coalesce"), Keyword::column_name);
        EXPECT_EQ(id("coalesces"), Keyword::none);
        EXPECT_EQ(id("distinct"), Keyword::distinct);
        EXPECT_EQ(id("distinct_"), Keyword::none);
        EXPECT_EQ(id("characteristics"), Keyword::characteristics);
        EXPECT_EQ(id("CHARACTER"), Keyword::character);
        EXPECT_EQ(id("characters"), Keyword::none);
    }
}

TEST(Lexer, KeywordsThatBeginAlike) {
    EXPECT_EQ(keyword_of("current_catalog"), Keyword::reserved);
    EXPECT_EQ(keyword_of("current_date"), Keyword::reserved);
    EXPECT_EQ(keyword_of("current_role"), Keyword::reserved);
    EXPECT_EQ(keyword_of("current_schema"), Keyword::type_or_function);
    EXPECT_EQ(keyword_of("current_time"), Keyword::reserved);
    EXPECT_EQ(keyword_of("CURRENT_TIMESTAMP"), Keyword::reserved);
    EXPECT_EQ(keyword_of("current_user"), Keyword::reserved);
    for (const char* word : {"current_", "current_rate", "current_dates", "current_times", "current_a", "current_z"}) {
        EXPECT_EQ(keyword_of(word), Keyword::none) << word;
    }
}

TEST(Lexer, QuotesCloseAtAnyDistance) {
    for (const char quote : {'\'', '"'}) {
        const TokenKind kind = quote == '"' ? TokenKind::quoted : TokenKind::string;
        for (std::size_t before = 0; before < 40; ++before) {
            for (std::size_t between = 0; between < 20; ++between) {
                const std::string doubled(2, quote);
                const std::string text =
                    quote + std::string(before, 'a') + doubled + std::string(between, 'b') + quote;
                for (const char* behind : {"", " ", ", 'x'                "}) {
                    const Token token = first_token(text + behind);
                    ASSERT_EQ(token.kind, kind) << text;
                    ASSERT_EQ(token.end, text.size()) << text;
                }
                ASSERT_EQ(first_token(text.substr(0, text.size() - 1)).kind, TokenKind::bad) << text;
            }
        }
    }
}

TEST(Lexer, CommentsNest) {
    for (const char* comment : {"/**/", "/***/", "/* **/", "/*/*/**/*/*/", "/* /* */ */", "/*//**/*/", "/*-- */", "/*' \" $$*/",
                                "/* long enough for two looks /* and one more in it */ */", "--*/ /* \n"}) {
        const Token token = first_token(std::string(comment) + "x");
        EXPECT_EQ(token.kind, TokenKind::word) << comment;
        EXPECT_EQ(token.begin, std::string_view(comment).size()) << comment;
    }
    for (const char* open : {"/*", "/*/", "/* *", "/*/*/ */x", "/* /* */ x", "/* no end in all of this text"}) {
        EXPECT_EQ(first_token(open).kind, TokenKind::bad) << open;
    }
}

#ifdef __SSE2__

std::vector<Token> tokens_of(std::string_view text, bool skip) {
    std::vector<Token> tokens;
    Lexer lexer(text, true);
    do {
        tokens.push_back(lexer.next());
        if (skip && tokens.back().kind == TokenKind::comma) lexer.skip_numbers();
    } while (tokens.back().kind != TokenKind::end);
    return tokens;
}

bool in_list(const Token& token) { return token.kind == TokenKind::number || token.kind == TokenKind::comma; }

// Checks that nothing but numbers and commas is left out, and none of the four before any other token. Tells how many were.
std::size_t count_skipped(const std::string& text) {
    const std::vector<char> memory(text.begin(), text.end());
    const std::vector<Token> all = tokens_of({memory.data(), memory.size()}, false);
    const std::vector<Token> told = tokens_of({memory.data(), memory.size()}, true);
    std::size_t skipped = 0;
    std::size_t since = 4;  // tokens told since some were left out
    auto next = told.begin();
    for (const Token& token : all) {
        if (next->begin == token.begin) {
            EXPECT_EQ(next->kind, token.kind) << text;
            EXPECT_EQ(next->end, token.end) << text;
            if (!in_list(token)) {
                EXPECT_GE(since, 4U) << text;
            }
            ++since;
            ++next;
            continue;
        }
        EXPECT_TRUE(in_list(token)) << text;
        ++skipped;
        since = 0;
    }
    EXPECT_EQ(next, told.end()) << text;
    return skipped;
}

TEST(Lexer, ListsOfNumbersHaveDigitsCommasSpacesAndNewlines) {
    for (int c = 0; c < 256; ++c) {
        for (int place = 0; place < 16; ++place) {
            std::array<char, 16> bytes;
            bytes.fill('7');
            bytes[static_cast<std::size_t>(place)] = static_cast<char>(c);
            const bool inside = (c >= '0' && c <= '9') || c == ',' || c == ' ' || c == '\n';
            ASSERT_EQ(outside_number_list(bytes.data()), inside ? 0U : 1U << place) << c;
        }
    }
}

TEST(Lexer, OfLongListsOnlyNumbersAreLeftOut) {
    const std::string list = "1, 23,456 ,7890,\n12345678901234567,,0";
    for (const char* tail : {")", " OR f(1)", "x, 2)", ".5, 2)", "e7)", "'a', 1)", ", nextval('s'))", "-- 1\n)", "/* 1, 2 */)", ";", ""}) {
        for (std::size_t padding = 0; padding < 40; ++padding) {
            std::string text = "SELECT 1 IN (0,";
            for (int i = 0; i < 5; ++i) text += list + ',' + std::string(padding, ' ');
            EXPECT_GT(count_skipped(text + '9' + tail), 0U) << text << tail;
            EXPECT_GT(count_skipped(text + tail), 0U) << text << tail;
        }
    }
    EXPECT_EQ(count_skipped("SELECT 1 IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)"), 0U);
    EXPECT_EQ(count_skipped("SELECT 1 IN (1," + std::string(1000, '9') + ", 2, 3)"), 0U);  // too few commas
}

TEST(Lexer, OfAnyTextOnlyNumbersAreLeftOut) {
    std::mt19937 random(20261127);  // NOLINT: always the same
    const std::string_view usual = "0123456789,, \n";
    const std::string_view rare = ".ex_'\"(-/*$;\t\r\x80";
    std::size_t skipped = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text = "1,";
        const std::size_t size = random() % 400;
        const auto rarity = 1 + random() % 200;
        while (text.size() < size) {
            const std::string_view from = random() % rarity == 0 ? rare : usual;
            text += from[random() % from.size()];
        }
        skipped += count_skipped(text);
    }
    EXPECT_GT(skipped, 100'000U);
}

#endif

}  // namespace
}  // namespace pgweir::sql::test
