// The database's own catalog: how rows are judged, and what texts make of it (semantics.md B, "What no scanner can see").
#include "proxy/sql/catalog.hpp"

#include <gtest/gtest.h>

#include "judge.hpp"
#include "proxy/sql/catalog_builder.hpp"

namespace pgweir::sql {
namespace {

using Function = CatalogRows::Function;

class CatalogTest : public testing::Test {
  protected:
    void build() { catalog_ = CatalogBuilder::build(rows_, functions_); }
    [[nodiscard]] Statement judged(std::string_view sql) const { return classify(sql, {}, {functions_, &catalog_}); }
    [[nodiscard]] Reason reason(std::string_view sql) const { return judged(sql).reason; }
    [[nodiscard]] bool reads(std::string_view sql) const { return judged(sql).reads_only; }
    void view(std::string name, std::string definition) { rows_.views.push_back({std::move(name), std::move(definition)}); }

    CatalogRows rows_;
    Allowlist functions_;
    Catalog catalog_;
};

TEST_F(CatalogTest, FunctionsByNameWithEveryOverload) {
    rows_.functions = {Function{.schema = "public", .name = "good"},
                       Function{.schema = "public", .name = "bad", .is_volatile = true},
                       Function{.schema = "one", .name = "mixed"},
                       Function{.schema = "two", .name = "mixed", .is_volatile = true},
                       Function{.schema = "public", .name = "Case"}};
    build();
    EXPECT_TRUE(reads("SELECT good(1), GOOD(2), \"good\"(3), public.good(4), PUBLIC.Good(5)"));
    EXPECT_EQ(reason("SELECT bad(1)"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT mixed(1)"), Reason::function_not_allowed);
    EXPECT_TRUE(reads("SELECT one.mixed(1)"));
    EXPECT_EQ(reason("SELECT two.mixed(1)"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT three.mixed(1)"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT three.good(1)"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT db.public.good(1)"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT unheard_of(1)"), Reason::function_not_allowed);
    EXPECT_TRUE(reads("SELECT \"Case\"(1)"));
    EXPECT_FALSE(reads("SELECT \"GOOD\"(1)"));
    EXPECT_FALSE(reads("SELECT U&\"good\"(1)"));
    EXPECT_EQ(catalog_.counts().functions, 4U);
    EXPECT_EQ(catalog_.counts().safe_functions, 2U);
}

TEST_F(CatalogTest, NamesOfPostgresqlsOwn) {
    rows_.functions = {Function{.schema = "public", .name = "lower", .is_volatile = true, .in_pg_catalog = true},
                       Function{.schema = "public", .name = "upper", .in_pg_catalog = true},
                       Function{.schema = "public", .name = "nextval", .in_pg_catalog = true},
                       Function{.schema = "public", .name = "from_the_future", .in_pg_catalog = true},
                       Function{.schema = "ext", .name = "crosstab"}};
    build();
    EXPECT_EQ(reason("SELECT lower('A')"), Reason::function_not_allowed);
    EXPECT_TRUE(reads("SELECT pg_catalog.lower('A'), \"pg_catalog\".lower('A'), upper('a'), public.upper('a')"));
    EXPECT_EQ(reason("SELECT public.lower(x) FROM t"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT nextval('s')"), Reason::function_not_allowed);
    EXPECT_EQ(judged("SELECT nextval('s')").effects, Effect::sequence);
    EXPECT_EQ(reason("SELECT public.nextval('s')"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT from_the_future()"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT * FROM ext.crosstab('SELECT f()') AS t(a int)"), Reason::function_not_allowed);
}

TEST_F(CatalogTest, AnAggregateIsWhatItIsMadeOf) {
    rows_.functions = {Function{.schema = "public", .name = "sums", .parts = {"int4pl", "int8_avg_accum"}},
                       Function{.schema = "public", .name = "locks", .parts = {"int4pl", "pg_advisory_lock"}}};
    build();
    EXPECT_TRUE(reads("SELECT sums(a) FROM t"));
    EXPECT_EQ(reason("SELECT locks(a) FROM t"), Reason::function_not_allowed);
}

TEST_F(CatalogTest, TheConfigurationsWordCountsMore) {
    functions_ = Allowlist({"vouched", "operator_function"}, {"distrusted", "lower"});
    rows_.functions = {Function{.schema = "public", .name = "vouched", .is_volatile = true},
                       Function{.schema = "public", .name = "distrusted"}};
    rows_.operators = {{"@@@", {"public", "operator_function", true}}, {"###", {"public", "distrusted", false}}};
    view("over_vouched", " SELECT public.vouched() AS vouched;");
    view("over_lower", " SELECT lower(t.a) AS lower\n   FROM public.t;");
    build();
    EXPECT_TRUE(reads("SELECT vouched(), public.vouched() FROM over_vouched WHERE 1 @@@ 2"));
    EXPECT_FALSE(reads("SELECT distrusted()"));
    EXPECT_FALSE(reads("SELECT public.distrusted()"));
    EXPECT_EQ(reason("SELECT 1 ### 2"), Reason::unsafe_operator);
    EXPECT_EQ(reason("SELECT * FROM over_lower"), Reason::unsafe_relation);
}

TEST_F(CatalogTest, Operators) {
    rows_.operators = {{"@-", {"public", "bad", true}},
                       {"<>", {"public", "bad", true}},
                       {"+", {"public", "bad", true}},
                       {"##", {"public", "good", false}},
                       {"#!", {"pg_catalog", "random", true}},
                       {"#?", {"pg_catalog", "pg_advisory_lock", true}}};
    build();
    EXPECT_EQ(reason("SELECT 1 @- 2"), Reason::unsafe_operator);
    EXPECT_EQ(judged("SELECT 1 @- 2").effects, Effect::taint);
    EXPECT_EQ(reason("SELECT 1 OPERATOR(public.@-) 2"), Reason::unsafe_operator);
    EXPECT_EQ(reason("SELECT 1 != 2"), Reason::unsafe_operator);
    EXPECT_EQ(reason("SELECT 1 =+ 2"), Reason::unsafe_operator) << "two operators: = and +";
    EXPECT_EQ(reason("SELECT 1 <>-2"), Reason::unsafe_operator);
    EXPECT_EQ(reason("SELECT 1 #? 2"), Reason::unsafe_operator);
    EXPECT_TRUE(reads("SELECT 1 ## 2, 3 #! 4, 5 = 6, 7 =- 8, 9 @-- 10\n 11"));
    EXPECT_TRUE(reads("SELECT '@-', \"@-\" /* @- */ FROM t"));
    EXPECT_EQ(catalog_.counts().operators, 4U);
}

TEST_F(CatalogTest, Casts) {
    rows_.casts = {{"ticket", false, {"public", "make", true}}, {"fine", false, {"public", "make_fine", false}}};
    build();
    for (const char* sql : {"SELECT 1::ticket", "SELECT CAST(1 AS ticket)", "SELECT CAST(1 AS public.\"ticket\"[])",
                            "SELECT ticket '1'", "SELECT 1::public.Ticket"}) {
        EXPECT_EQ(reason(sql), Reason::unsafe_cast) << sql;
    }
    EXPECT_TRUE(reads("SELECT 1::fine, 2::int, CAST(3 AS bigint)"));
    EXPECT_EQ(catalog_.counts().casts, 1U);
    rows_.casts.push_back({"int4", true, {"public", "unmake", true}});
    build();
    EXPECT_EQ(reason("SELECT a::integer FROM t"), Reason::unsafe_cast);
    EXPECT_EQ(reason("SELECT CAST(a AS double precision) FROM t"), Reason::unsafe_cast);
    EXPECT_TRUE(reads("SELECT a FROM t"));
}

TEST_F(CatalogTest, RowsAndTheirFunctions) {
    rows_.functions = {Function{.schema = "public", .name = "writes", .is_volatile = true, .takes_row = true},
                       Function{.schema = "public", .name = "harmless", .takes_row = true}};
    build();
    EXPECT_EQ(reason("SELECT t.writes FROM t"), Reason::function_not_allowed);
    EXPECT_EQ(reason("SELECT (t).\"writes\" FROM t"), Reason::function_not_allowed);
    EXPECT_TRUE(reads("SELECT t.harmless, writes, a AS writes FROM t"));
}

TEST_F(CatalogTest, SequencesAndUnloggedTables) {
    rows_.relations = {{"counter"}, {"share"}, {"with\"quote"}};
    build();
    for (const char* sql : {"SELECT * FROM counter", "TABLE Counter", "SELECT * FROM public.\"counter\"", "COPY counter TO STDOUT",
                            "SELECT * FROM share", "SELECT * FROM \"with\"\"quote\"", "SELECT counter.a FROM x counter",
                            "/* pgweir: replica */ TABLE counter"}) {
        EXPECT_EQ(reason(sql), Reason::unsafe_relation) << sql;
        EXPECT_FALSE(reads(sql)) << sql;
        EXPECT_EQ(judged(sql).effects, Effect::none) << sql;
    }
    EXPECT_TRUE(reads("SELECT 'counter', a AS counter FROM counters"));
    EXPECT_TRUE(reads("SELECT * FROM \"COUNTER\""));
}

TEST_F(CatalogTest, LongNamesAreCutAsTheServerCutsThem) {
    const std::string name(63, 'n');
    rows_.relations = {{name}};
    rows_.functions = {Function{.schema = "public", .name = "f" + name.substr(1)}};
    build();
    EXPECT_EQ(reason("SELECT * FROM " + name + "nnn"), Reason::unsafe_relation);
    EXPECT_TRUE(reads("SELECT * FROM " + name.substr(1)));
    EXPECT_TRUE(reads("SELECT f" + name.substr(1) + "xyz(1)"));
}

TEST_F(CatalogTest, NamesBeyondAsciiDependOnTheEncoding) {
    rows_.relations = {{"z\xC3\xA4hler"}};
    build();
    EXPECT_EQ(reason("SELECT * FROM z\xE4hler"), Reason::unsafe_relation);
    EXPECT_TRUE(reads("SELECT * FROM zahler"));
    EXPECT_TRUE(reads("SELECT '\xC3\xA4' AS \"\xC3\xA4\""));
}

TEST_F(CatalogTest, ViewsAreWhatTheirDefinitionsAre) {
    rows_.functions = {Function{.schema = "public", .name = "bad", .is_volatile = true}};
    rows_.relations = {{"unlogged"}};
    view("plain", " SELECT t.a\n   FROM public.t;");
    view("third", " SELECT second.nextval\n   FROM public.second;");
    view("second", " SELECT first.nextval\n   FROM public.first;");
    view("first", " SELECT nextval('public.s'::regclass) AS nextval;");
    view("locks", " SELECT t.a\n   FROM public.t\n  FOR UPDATE OF t;");
    view("activity", " SELECT pg_stat_activity.pid\n   FROM pg_stat_activity;");
    view("over_activity", " SELECT activity.pid\n   FROM public.activity;");
    view("user_function", " SELECT public.bad(1) AS bad;");
    view("over_unlogged", " SELECT unlogged.a\n   FROM public.unlogged;");
    rows_.views.push_back({"untold", std::nullopt});
    build();
    EXPECT_TRUE(reads("SELECT * FROM plain"));
    for (const char* name : {"first", "second", "third", "locks", "activity", "over_activity", "user_function", "over_unlogged", "untold"}) {
        const std::string sql = "SELECT * FROM " + std::string(name);
        EXPECT_EQ(reason(sql), Reason::unsafe_relation) << name;
    }
    EXPECT_EQ(catalog_.counts().views, 9U);
    EXPECT_TRUE(has(judged("SELECT * FROM third").effects, Effect::sequence)) << "what the innermost leaves behind";
    EXPECT_EQ(judged("SELECT * FROM activity").effects, Effect::none);
    const auto vouched = [this](const char* name) { return reads("/* pgweir: replica */ SELECT * FROM " + std::string(name)); };
    EXPECT_TRUE(vouched("activity"));
    EXPECT_TRUE(vouched("over_activity"));
    EXPECT_TRUE(vouched("user_function"));
    EXPECT_FALSE(vouched("third"));
    EXPECT_FALSE(vouched("locks"));
    EXPECT_FALSE(vouched("over_unlogged"));
}

TEST_F(CatalogTest, OfTwoViewsOfOneNameTheWorseCounts) {
    view("twice", " SELECT pg_stat_activity.pid\n   FROM pg_stat_activity;");
    view("twice", " SELECT t.a\n   FROM public.t\n  FOR UPDATE OF t;");
    view("half", " SELECT 1;");
    view("half", " SELECT pg_stat_activity.pid\n   FROM pg_stat_activity;");
    build();
    EXPECT_FALSE(reads("/* pgweir: replica */ SELECT * FROM twice"));
    EXPECT_FALSE(reads("SELECT * FROM half"));
    EXPECT_TRUE(reads("/* pgweir: replica */ SELECT * FROM half"));
}

TEST_F(CatalogTest, TheSameRowsMakeTheSameCatalog) {
    rows_.functions = {Function{.schema = "a", .name = "f"}, Function{.schema = "b", .name = "g"}};
    rows_.relations = {{"x"}, {"y"}};
    const Catalog first = CatalogBuilder::build(rows_, functions_);
    std::swap(rows_.functions[0], rows_.functions[1]);
    std::swap(rows_.relations[0], rows_.relations[1]);
    EXPECT_EQ(CatalogBuilder::build(rows_, functions_), first);
    rows_.functions[0].is_volatile = true;
    EXPECT_FALSE(CatalogBuilder::build(rows_, functions_) == first);
}

TEST_F(CatalogTest, JudgingTakesNoMemory) {
    rows_.functions = {Function{.schema = "public", .name = "good"}};
    rows_.relations = {{"counter"}};
    rows_.operators = {{"@-", {"public", "bad", true}}};
    build();
    const std::size_t before = test::allocation_count();
    const bool read = reads("SELECT good(a), public.good(b), lower(c) FROM \"t\" WHERE a = 1 AND b @> c");
    const bool write = reads("SELECT good(a) FROM counter WHERE a @- 1");
    EXPECT_EQ(test::allocation_count(), before);
    EXPECT_TRUE(read);
    EXPECT_FALSE(write);
}

TEST(NameTable, HoldsWhatItWasGivenAndNothingElse) {
    std::vector<std::pair<std::string, NameTable::Value>> names;
    for (unsigned i = 0; i < 1000; ++i) names.emplace_back("name" + std::to_string(i), i);
    names.emplace_back("name7", 1'000'000);
    names.emplace_back("", 1);
    names.emplace_back(std::string(300, 'x'), 1);
    const NameTable table(names);
    EXPECT_EQ(table.size(), 1000U);
    for (unsigned i = 0; i < 1000; ++i) {
        const NameTable::Value* value = table.find("name" + std::to_string(i));
        ASSERT_NE(value, nullptr);
        EXPECT_EQ(*value, i);
    }
    EXPECT_EQ(table.find("name1000"), nullptr);
    EXPECT_EQ(table.find(""), nullptr);
    EXPECT_EQ(NameTable().find("x"), nullptr);
    EXPECT_TRUE(NameTable().empty());
}

}  // namespace
}  // namespace pgweir::sql
