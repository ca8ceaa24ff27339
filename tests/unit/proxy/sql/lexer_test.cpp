// Tokens whose end is looked for many bytes at a time: wherever that end is, and wherever the text's.
#include "proxy/sql/lexer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

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

}  // namespace
}  // namespace pgweir::sql::test
