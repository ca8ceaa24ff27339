// No bytes make the scanner crash, hang, or take memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "judge.hpp"

namespace pgweir::sql::test {
namespace {

void use(std::string_view text) {
    for (const bool standard : {true, false}) {
        for (const bool trail : {true, false}) {
            const Statement s = classify(text, {standard, trail}, builtin());
            ASSERT_FALSE(name(s.reason).empty());
            ASSERT_FALSE(s.reads_only && (s.multiple || s.empty || !standard));
            ASSERT_FALSE(s.reads_only && s.transaction != Transaction::none);
        }
    }
}

std::string corpus(const char* file) {
    std::ifstream in(std::string(PGWEIR_SOURCE_DIR "/tests/unit/proxy/sql/") + file);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Robustness, RandomBytes) {
    std::mt19937 random(20261124);
    const std::string spicy = "'\"$\\-*/;()eEuU&n \n\r.:,[]0x1_az\x80\xFF";
    for (int i = 0; i < 20'000; ++i) {
        std::string text(random() % 40, ' ');
        for (char& c : text) c = i % 2 == 0 ? static_cast<char>(random()) : spicy[random() % spicy.size()];
        use(text);
    }
}

TEST(Robustness, MutatedStatements) {
    std::mt19937 random(1);
    const std::string all = corpus("plain_reads.sql") + corpus("non_reads.sql");
    for (int i = 0; i < 20'000; ++i) {
        const std::size_t begin = random() % all.size();
        std::string text = all.substr(begin, random() % 200);
        for (std::size_t n = random() % 4; n > 0 && !text.empty(); --n)
            text[random() % text.size()] = all[random() % all.size()];
        use(text);
    }
}

TEST(Robustness, EveryPrefix) {
    const std::string all = corpus("plain_reads.sql");
    for (std::size_t i = 0; i < 4000; ++i) use(std::string_view(all).substr(0, i));
}

TEST(Robustness, TakesNoMemory) {
    const Allowlist list({"my_function"}, {"lower"});
    const std::string all = corpus("plain_reads.sql") + corpus("non_reads.sql");
    const std::size_t before = allocation_count();
    for (std::size_t at = 0; at < all.size(); at = std::min(all.find(";\n", at), all.size() - 2) + 2) {
        const std::size_t end = all.find(";\n", at);
        (void)classify(std::string_view(all).substr(at, end - at), {}, list);
    }
    EXPECT_EQ(allocation_count(), before);
}

TEST(Robustness, EmptyViews) {
    EXPECT_TRUE(classify({}, {}, builtin()).empty);
    EXPECT_TRUE(classify(std::string_view{"x", 0}, {}, builtin()).empty);
}

// One pass: a text twice as long takes about twice the time, whatever it holds.
TEST(Robustness, NoQuadraticTime) {
    for (const char* piece :
         {"$a$ ", "/*", "E'a'\n", "join (", "operator(a.", "(", "a.", "--\n", "$", "with x as (", "/* pgweir:x */"}) {
        std::string text;
        while (text.size() < 1'000'000) text += piece;
        use(text);
    }
}

}  // namespace
}  // namespace pgweir::sql::test
