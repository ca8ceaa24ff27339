// What is remembered of plain reads says what the scanner says, of every text that comes.
#include "proxy/session/plain_reads.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "proxy/sql/catalog_builder.hpp"
#include "tests/unit/proxy/sql/corpus.hpp"

namespace pgweir::session {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Every run of digits, wherever it stands, is another one.
std::string with_other_numbers(std::string_view text, std::string_view number) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (!is_digit(text[at])) {
            out += text[at++];
            continue;
        }
        out += number;
        while (at < text.size() && is_digit(text[at])) ++at;
    }
    return out;
}

class PlainReadsTest : public testing::Test {
  protected:
    sql::Statement judge(std::string_view text) { return reads_.judge(text, {}, names_); }
    void expect_as_scanned(const std::string& text) {
        EXPECT_EQ(judge(text), sql::classify(text, {}, names_.judge())) << text;
    }
    void keep(std::string_view text) { (void)judge(text); }

    sql::Allowlist functions_;
    DatabaseNames names_{functions_};
    PlainReads reads_;
};

TEST_F(PlainReadsTest, KeepsWhatComesAgain) {
    keep("SELECT a FROM t WHERE id = 1");
    EXPECT_EQ(reads_.size(), 1U);
    for (const char* text : {"SELECT a FROM t WHERE id = 333", "SELECT a FROM t WHERE id = 0"}) {
        EXPECT_TRUE(judge(text).is_plain_read());
    }
    EXPECT_EQ(reads_.size(), 1U);
}

TEST_F(PlainReadsTest, KeepsPlainReadsOnly) {
    for (const char* text :
         {"SELECT nextval(1)", "UPDATE t SET a = 1", "BEGIN", "SELECT 1; SELECT 2", "/* pgweir: primary */ SELECT 1",
          "/* pgweir: max_lag=5s */ SELECT 1", "SELECT 1 -- 2", "SELECT 'a1'", "SELECT \"a1\" FROM t", "SELECT $1", "SELECT $$1$$",
          "SELECT 1 AS \xC3\xA4", "SELECT a FROM t FOR UPDATE", "SHOW pgweir.lsn", ""}) {
        keep(text);
        expect_as_scanned(text);
    }
    keep("SELECT " + std::string(300, 'a'));
    EXPECT_EQ(reads_.size(), 0U);
}

TEST_F(PlainReadsTest, KeepsNoMoreThanFifteenNumbers) {
    std::string text = "SELECT 1";
    for (int i = 1; i < 15; ++i) text += ", 1";
    keep(text + ", 1");
    EXPECT_EQ(reads_.size(), 0U);
    keep(text);
    EXPECT_EQ(reads_.size(), 1U);
    expect_as_scanned(with_other_numbers(text, "23"));
    expect_as_scanned(text + ", 1");
    EXPECT_EQ(reads_.size(), 1U);
}

TEST_F(PlainReadsTest, WhatIsTooLongIsScanned) {
    keep("SELECT 1");
    const std::string text = "SELECT " + std::string(sql::kLongestJudged, '1');
    EXPECT_EQ(judge(text).reason, sql::Reason::too_long);
    expect_as_scanned("SELECT " + std::string(1000, '1'));
}

// All have the same beginning, so all want the same few places.
TEST_F(PlainReadsTest, WhatIsUsedStays) {
    const auto text = [](int i) { return "SELECT 1 AS c" + std::to_string(i) + "x"; };
    for (const int hot : {1, 2, 3, 4}) {
        reads_ = {};
        for (int i = 0; i < hot; ++i) keep(text(i));
        for (int i = 4; i < 3000; ++i) {
            for (int again = 0; again < hot; ++again) {
                EXPECT_TRUE(hot == 4 || reads_.knows(text(again), names_)) << again << " of " << hot << " before " << i;
                expect_as_scanned(text(again));
            }
            expect_as_scanned(text(i));
            expect_as_scanned("SELECT 1 AS c" + std::to_string(i) + ", 'quoted'");
        }
        int known = 0;
        for (int i = 0; i < hot; ++i) known += reads_.knows(text(i), names_) ? 1 : 0;
        EXPECT_GE(known, hot == 4 ? 3 : hot);
    }
}

TEST_F(PlainReadsTest, WhatComesNewTakesThePlaceOfWhatWentOut) {
    const auto text = [](int i) { return "SELECT 1 AS c" + std::to_string(i) + "x"; };
    for (int i = 0; i < 5000; ++i) keep(text(i));  // none of use
    int tries = 0;
    for (; tries < 2000 && !reads_.knows(text(5000), names_); ++tries) keep(text(5000));
    EXPECT_LT(tries, 1100) << "it is not waited for ever";
    EXPECT_GT(tries, 4) << "it was not kept at once";
    names_.learn(nullptr);
    keep(text(1));
    EXPECT_TRUE(reads_.knows(text(1), names_)) << "all the others are outdated";
}

TEST_F(PlainReadsTest, DatabasesDoNotTakeEachOthersPlaces) {
    std::vector<std::unique_ptr<DatabaseNames>> databases;
    for (int i = 0; i < 12; ++i) databases.push_back(std::make_unique<DatabaseNames>(functions_));
    int known = 0;
    for (int round = 0; round < 2; ++round) {
        for (const auto& names : databases) {
            known += reads_.knows("SELECT a FROM t WHERE id = 1", *names) ? 1 : 0;
            (void)reads_.judge("SELECT a FROM t WHERE id = 1", {}, *names);
        }
    }
    EXPECT_GE(known, 8);
}

TEST_F(PlainReadsTest, TheCorpusIsJudgedAsTheScannerJudges) {
    std::size_t most = 0;
    for (const char* file : {"plain_reads.sql", "non_reads.sql"}) {
        for (const std::string& text : sql::test::read_corpus(file)) {
            keep(text);
            most = std::max(most, reads_.size());
            for (const char* number : {"7", "00", "123456789012345678901234567890", "1.5", "1e5", "0x1F", "1_000", "x", "", " ", "1 2"}) {
                expect_as_scanned(with_other_numbers(text, number));
            }
        }
    }
    EXPECT_GT(most, 30U) << "else nothing was put to the test";
}

// Any one byte of a kept text is another, is missing, or has a neighbour: all bytes there are.
TEST_F(PlainReadsTest, WhateverDiffersInMoreThanNumbersIsScanned) {
    for (const std::string kept : {"SELECT abalance FROM a1 WHERE aid = 12 AND b IN (3, 4) LIMIT 5", "SELECT 1", "SELECT f.x-1+2 FROM f f",
                                   "SELECT lower(x) FROM t WHERE y<10 OR y>1.5 OR z=1e5"}) {
        const auto expect = [&](const std::string& text) {
            PlainReads reads;
            (void)reads.judge(kept, {}, names_);
            ASSERT_TRUE(reads.knows(kept, names_));
            EXPECT_EQ(reads.judge(text, {}, names_), sql::classify(text, {}, names_.judge())) << text;
        };
        for (std::size_t at = 0; at <= kept.size(); ++at) {
            expect(kept.substr(0, at));
            if (at < kept.size()) expect(std::string(kept).erase(at, 1));
            for (int byte = 0; byte < 256; ++byte) {
                std::string inserted = kept, replaced = kept;
                expect(inserted.insert(at, 1, static_cast<char>(byte)));
                if (at == kept.size()) continue;
                replaced[at] = static_cast<char>(byte);
                expect(replaced);
            }
        }
    }
}

// However long the numbers, and wherever they begin.
TEST_F(PlainReadsTest, FindsWhatIsKept) {
    for (std::size_t before = 0; before < 20; ++before) {
        const std::string text = "SELECT c FROM t2" + std::string(before, 'x') + " WHERE id=";
        reads_ = {};
        keep(text + "1 AND b<2");
        for (std::size_t length = 1; length < 25; ++length) {
            const std::string number(length, '7');
            EXPECT_TRUE(reads_.knows(text + number + " AND b<" + number, names_)) << text << number;
        }
    }
}

// Only whole numbers that stand alone may differ: others are parts of names, or of numbers that read otherwise.
TEST_F(PlainReadsTest, ANumberInANameIsTheName) {
    sql::CatalogRows rows;
    rows.functions = {{.schema = "public", .name = "writes", .is_volatile = true}};
    rows.views = {{"v2", " SELECT writes() AS w;"}};
    names_.learn(std::make_shared<const sql::Catalog>(sql::CatalogBuilder::build(rows, functions_)));
    keep("SELECT w FROM v1 WHERE id = 1");
    ASSERT_EQ(reads_.size(), 1U);
    EXPECT_TRUE(judge("SELECT w FROM v1 WHERE id = 2").reads_only);
    EXPECT_FALSE(judge("SELECT w FROM v2 WHERE id = 1").reads_only);
}

TEST_F(PlainReadsTest, WhatIsKnownOfNamesCounts) {
    const std::string text = "SELECT w FROM v WHERE id = 1";
    keep(text);
    EXPECT_TRUE(judge(text).reads_only);
    sql::CatalogRows rows;
    rows.functions = {{.schema = "public", .name = "writes", .is_volatile = true}};
    rows.views = {{"v", " SELECT writes() AS w;"}};
    names_.learn(std::make_shared<const sql::Catalog>(sql::CatalogBuilder::build(rows, functions_)));
    EXPECT_FALSE(judge(text).reads_only);
    DatabaseNames others(functions_);
    EXPECT_TRUE(reads_.judge(text, {}, others).reads_only) << "of another database";
}

TEST_F(PlainReadsTest, NonstandardStringsAreNeverReads) {
    keep("SELECT 1");
    EXPECT_FALSE(reads_.judge("SELECT 1", {.standard_conforming_strings = false}, names_).reads_only);
    EXPECT_TRUE(reads_.judge("SELECT 1", {.ascii_trail_bytes = true}, names_).reads_only);
}

// Tables whose names differ in a number are apart.
TEST_F(PlainReadsTest, KeepsManyTables) {
    for (int i = 0; i < 60; ++i) keep("SELECT c FROM sbtest" + std::to_string(i) + " WHERE id = 1");
    EXPECT_GE(reads_.size(), 55U);
}

}  // namespace
}  // namespace pgweir::session
