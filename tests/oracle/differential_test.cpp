// The scanner against PostgreSQL's parser (issue 4): no text with a write, a lock, several statements or a function off the
// list is judged a read, and of plain reads at least 99 % are. PGWEIR_ORACLE_SEED takes other statements than usual, and
// PGWEIR_ORACLE_COUNT another number of them (100000).
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "grammar.hpp"
#include "oracle.hpp"
#include "proxy/sql/classify.hpp"

namespace pgweir::oracle {
namespace {

[[nodiscard]] std::size_t from_environment(const char* name, std::size_t usual) {
    const char* const value = std::getenv(name);
    return value == nullptr ? usual : std::stoul(value);
}

[[nodiscard]] std::size_t seed() { return from_environment("PGWEIR_ORACLE_SEED", 20261124); }
[[nodiscard]] std::size_t count() { return from_environment("PGWEIR_ORACLE_COUNT", 100'000); }

[[nodiscard]] const Grammar& grammar() {
    static const Grammar all(PGWEIR_SOURCE_DIR "/tests/oracle/statements.grammar");
    return all;
}

[[nodiscard]] const sql::Allowlist& builtin() {
    static const sql::Allowlist list;
    return list;
}

// The statements of a run, what PostgreSQL's parser says of each and what the scanner does.
class Comparison {
  public:
    // Whether PostgreSQL parses it.
    bool compare(const std::string& text) {
        const Verdict verdict = examine(text, builtin());
        ++examined_;
        if (!verdict.parses) {
            ++refused_;
            last_refused_ = verdict.error + ": " + text;
            return false;
        }
        const sql::Statement judged = sql::classify(text, {}, builtin());
        if (!verdict.danger.empty()) {
            ++dangers_;
            EXPECT_FALSE(judged.reads_only) << verdict.danger << ", with seed " << seed() << ":\n" << text << '\n';
            if (judged.reads_only) ++missed_;
        } else {
            ++reads_;
            if (!judged.reads_only) keep_false_alarm(sql::name(judged.reason), text);
        }
        return true;
    }

    void print(const char* what) const {
        std::cout << what << ": " << examined_ << " texts, " << refused_ << " not parsed, " << dangers_ << " not for a replica, "
                  << missed_ << " of them missed; " << reads_ << " plain reads, " << false_alarms_ << " of them not seen as such ("
                  << 100.0 * share() << " %)\n";
        for (const auto& [reason, texts] : examples_) {
            std::cout << "  " << reason << ": " << texts.first << ", as: " << texts.second << '\n';
        }
        if (refused_ > 0) std::cout << "  not parsed, as: " << last_refused_ << '\n';
    }

    [[nodiscard]] double share() const { return reads_ == 0 ? 0 : static_cast<double>(false_alarms_) / static_cast<double>(reads_); }
    [[nodiscard]] std::size_t parsed() const { return examined_ - refused_; }
    [[nodiscard]] std::size_t dangers() const { return dangers_; }
    [[nodiscard]] std::size_t reads() const { return reads_; }
    [[nodiscard]] std::size_t missed() const { return missed_; }

  private:
    // The shortest text is the best example.
    void keep_false_alarm(std::string_view reason, const std::string& text) {
        ++false_alarms_;
        auto& [seen, example] = examples_[std::string(reason)];
        if (seen++ == 0 || text.size() < example.size()) example = text;
    }

    std::size_t examined_ = 0;
    std::size_t refused_ = 0;
    std::size_t dangers_ = 0;
    std::size_t missed_ = 0;
    std::size_t reads_ = 0;
    std::size_t false_alarms_ = 0;
    std::map<std::string, std::pair<std::size_t, std::string>> examples_;
    std::string last_refused_;
};

[[nodiscard]] std::string made(Wish wish, Random& random) {
    const std::vector<Piece> pieces = grammar().make("statement", wish, 5 + test::below(random, 70), random);
    return test::Speller(random, {wish == Wish::one_danger && test::chance(random, 50), false}).spell(pieces);
}

TEST(Oracle, PlainReadsAreSeen) {
    Random random(seed());
    Comparison comparison;
    for (std::size_t i = 0; i < count() / 3; ++i) comparison.compare(made(Wish::plain_read, random));
    comparison.print("plain reads");
    EXPECT_GE(comparison.parsed() * 100, count() / 3 * 97);
    EXPECT_LE(comparison.share(), 0.01);
}

TEST(Oracle, NothingHides) {
    Random random(seed() + 1);
    Comparison comparison;
    for (std::size_t i = 0; i < count(); ++i) {
        comparison.compare(made(Wish::one_danger, random));
        if (comparison.missed() >= 10) break;
    }
    comparison.print("with dangers");
    EXPECT_GE(comparison.parsed(), count() * 5 / 6);
    EXPECT_GE(comparison.dangers(), count() / 3);
}

// Every statement of semantics.md A that is no read, two dozen times.
TEST(Oracle, TableAInManySpellings) {
    Random random(seed() + 2);
    Comparison comparison;
    for (int round = 0; round < 24; ++round) {
        for (const std::vector<Piece>& pieces : grammar().each_alternative("never_read", random)) {
            const std::string text = test::Speller(random, {true, false}).spell(pieces);
            comparison.compare(text);
            EXPECT_FALSE(sql::classify(text, {}, builtin()).reads_only) << text;
        }
    }
    comparison.print("table A");
    EXPECT_EQ(comparison.reads(), 0U);
    EXPECT_GE(comparison.dangers(), 24U * 130U);
}

// Every keyword that may be a function's name, called wherever an expression stands, with what a keyword may be followed by.
TEST(Oracle, EveryKeywordCalled) {
    static constexpr const char* kArguments[] = {"1", "'x'", "a", "values", "values, 1", "*", "t.*", "(SELECT 1)", ""};
    static constexpr const char* kPlaces[] = {
        "SELECT @", "SELECT 1 WHERE NOT @", "SELECT a, @ AS b FROM t", "SELECT (@)", "SELECT 1 + @", "SELECT a AND @",
        "SELECT DISTINCT ON (a) @ FROM t", "SELECT * FROM t JOIN u ON @", "SELECT * FROM @", "SELECT * FROM t, @ AS x (y)",
        "SELECT a FROM t ORDER BY @", "SELECT a FROM t GROUP BY a, @", "SELECT a FROM t GROUP BY (a, @)", "SELECT a FROM t LIMIT @",
        "SELECT lower(@)", "SELECT concat(a, @)", "SELECT a[@]", "SELECT CASE WHEN a THEN @ END", "SELECT a LIKE b ESCAPE @",
        "SELECT a AT TIME ZONE @", "SELECT a OPERATOR(pg_catalog.+) @", "SELECT sum(a) OVER (ORDER BY a ROWS @ PRECEDING)",
        "SELECT count(*) FILTER (WHERE @)", "VALUES (1, @)", "SELECT a SIMILAR TO @", "SELECT a IN (b, @)", "SELECT a BETWEEN @ AND b",
        "WITH x AS (SELECT 1) SELECT 1, @", "SELECT extract(year FROM @)", "SELECT a IS DISTINCT FROM @", "SELECT xmlpi(name a, @)"};
    Random random(seed());
    Comparison comparison;
    for (const std::vector<Piece>& keyword : grammar().each_alternative("keyword", random)) {
        for (const char* const place : kPlaces) {
            for (const char* const argument : kArguments) {
                std::string text = place;
                text.replace(text.find('@'), 1, keyword.front().text + "(" + argument + ")");
                comparison.compare(text);
            }
        }
        if (comparison.missed() >= 10) break;
    }
    comparison.print("keywords called");
    EXPECT_GE(comparison.dangers(), 50'000U);
}

// One change at random, as a piece of another statement put in.
[[nodiscard]] std::string mutated(std::string text, const std::string& other, Random& random) {
    static constexpr std::string_view kSpicy = "'\"$\\-*/;()eEuU&n \n\r.:,[]0x1_a+@%\t";
    const std::size_t at = test::below(random, text.size() + 1);
    const std::size_t length = test::below(random, 12);
    switch (test::below(random, 5)) {
        case 0: return text.erase(at, length);
        case 1: return text.insert(at, text.substr(test::below(random, text.size() + 1), length));
        case 2: return text.insert(at, 1, kSpicy[test::below(random, kSpicy.size())]);
        case 3: return text.insert(at, other.substr(test::below(random, other.size() + 1), 2 * length));
        default:
            if (at < text.size()) text[at] = kSpicy[test::below(random, kSpicy.size())];
            return text;
    }
}

TEST(Oracle, MutatedStatements) {
    Random random(seed() + 3);
    Comparison comparison;
    std::string other = "SELECT 1";
    for (std::size_t i = 0; comparison.parsed() < count() / 4 && comparison.missed() < 10 && i < 5 * count(); ++i) {
        const std::string text = made(test::chance(random, 70) ? Wish::one_danger : Wish::odd, random);
        std::string changed = mutated(text, other, random);
        if (comparison.compare(changed)) comparison.compare(mutated(changed, text, random));
        other = text;
    }
    comparison.print("mutated");
    EXPECT_GE(comparison.parsed(), count() / 4);
}

}  // namespace
}  // namespace pgweir::oracle
