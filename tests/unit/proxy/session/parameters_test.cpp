// Sets of settings, and the way from one to another (semantics.md D).
#include "proxy/session/parameters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace pgweir::session {
namespace {

using Entries = std::vector<Parameter>;

Entries entries_of(const ParameterRef& set) { return {set->entries().begin(), set->entries().end()}; }

TEST(Parameters, EqualSetsHaveEqualAddresses) {
    ParameterTable table;
    const auto a = table.intern({{"work_mem", "4MB"}, {"TimeZone", "UTC"}});
    const auto b = table.intern({{"timezone", "UTC"}, {"WORK_MEM", "4MB"}});
    EXPECT_EQ(a, b);
    EXPECT_EQ(a.get(), b.get());
    EXPECT_EQ(table.size(), 1U);
    for (const Entries& other : {Entries{{"work_mem", "4mb"}, {"TimeZone", "UTC"}},
                                 {{"work_mem", "4MB"}},
                                 {{"work_mem", "UTC"}, {"TimeZone", "4MB"}},
                                 {{"work_mem", "4MB"}, {"TimeZone", "UTC"}, {"x.y", ""}}}) {
        EXPECT_NE(table.intern(other), a);
    }
}

TEST(Parameters, AreSortedAndTheLaterOfEqualNamesCounts) {
    ParameterTable table;
    const auto set = table.intern({{"b", "1"}, {"A", "2"}, {"B", "3"}, {"b", "4"}, {"datestyle", "x"}, {"a", "5"}});
    EXPECT_EQ(entries_of(set), (Entries{{"DateStyle", "x"}, {"a", "5"}, {"b", "4"}}));
}

TEST(Parameters, TheEmptySetIsNothing) {
    ParameterTable table;
    const ParameterRef empty;
    EXPECT_EQ(table.intern({}), empty);
    EXPECT_EQ(empty->entries().size(), 0U);
    EXPECT_EQ(empty->find("a"), nullptr);
    EXPECT_TRUE(empty->proven());
    EXPECT_EQ(table.without(empty, "a"), empty);
    EXPECT_EQ(table.without(table.with(empty, "a", "1"), "A"), empty);
    EXPECT_EQ(table.size(), 0U);
}

TEST(Parameters, WithAndWithoutFindTheSameSets) {
    ParameterTable table;
    const auto base = table.intern({{"b", "1"}, {"d", "1"}});
    for (const std::string name : {"a", "b", "c", "d", "e"}) {
        Entries entries = entries_of(base);
        entries.push_back({name, "2"});
        const auto changed = table.with(base, name, "2");
        EXPECT_EQ(changed, table.intern(entries)) << name;
        EXPECT_EQ(table.with(changed, name, "2"), changed) << name;
        std::erase_if(entries, [&](const Parameter& entry) { return entry.name == name; });
        EXPECT_EQ(table.without(changed, name), table.intern(entries)) << name;
    }
    EXPECT_EQ(table.with(base, "B", "1"), base);
    EXPECT_EQ(table.without(base, "x"), base);
    EXPECT_EQ(entries_of(base), (Entries{{"b", "1"}, {"d", "1"}})) << "sets do not change";
}

TEST(Parameters, AValueMayComeFromTheSetItself) {
    ParameterTable table;
    auto set = table.intern({{"a", "a value that is longer than any small string"}, {"b", "2"}});
    set = table.with(set, "b", *set->find("a"));
    set = table.with(set, "a", "");
    EXPECT_EQ(*set->find("b"), "a value that is longer than any small string");
    EXPECT_EQ(*set->find("A"), "");
}

TEST(Parameters, ASetDiesWithItsLastReference) {
    ParameterTable table;
    auto set = table.intern({{"a", "1"}});
    auto copy = set;
    set = ParameterRef();
    EXPECT_EQ(table.size(), 1U);
    auto moved = std::move(copy);
    EXPECT_EQ(table.size(), 1U);
    const ParameterRef& alias = moved;
    moved = alias;  // to itself
    EXPECT_EQ(*moved->find("a"), "1");
    moved = table.with(moved, "a", "2");
    EXPECT_EQ(table.size(), 1U);
    EXPECT_EQ(*moved->find("a"), "2");
}

TEST(Parameters, AReferenceMayOutliveTheTable) {
    auto table = std::make_unique<ParameterTable>();
    const auto set = table->intern({{"a", "1"}});
    table.reset();
    EXPECT_EQ(*set->find("a"), "1");
}

TEST(Parameters, ProofBelongsToTheSet) {
    ParameterTable table;
    const auto set = table.intern({{"a", "1"}});
    EXPECT_FALSE(set->proven());
    table.intern({{"A", "1"}}).prove();
    EXPECT_TRUE(set->proven());
    EXPECT_FALSE(table.with(set, "a", "2")->proven());
    ParameterRef().prove();
}

TEST(Parameters, HostileEntriesAreLeftOut) {
    ParameterTable table;
    const std::string nul("x\0y", 3);
    EXPECT_EQ(table.intern({{"a\"; DROP TABLE t", "1"}, {"", "1"}, {"a b", "1"}, {"ok", nul}}), ParameterRef());
    const auto set = table.intern({{"ok", "1"}});
    EXPECT_EQ(table.with(set, "no-name", "1"), set);
    EXPECT_EQ(table.with(set, "ok", nul), set);
    EXPECT_EQ(table.with(set, "\xc3\xbc", "1"), set);
}

TEST(Parameters, ManyChangesKeepTheTableSmallAndRight) {
    ParameterTable table;
    ParameterRef set;
    for (unsigned i = 0; i < 5000; ++i) {
        const std::string name = "v.n" + std::to_string(i * 7919 % 23);
        set = i % 3 == 2 ? table.without(set, name) : table.with(set, name, std::to_string(i % 11));
        ASSERT_EQ(set, table.intern(entries_of(set)));
        ASSERT_TRUE(std::ranges::is_sorted(set->entries(), {}, &Parameter::name));
    }
    EXPECT_LE(table.size(), 1U);
}

TEST(SettingNames, AreSpeltAsPostgresDoes) {
    const std::pair<std::string, std::string> kCases[] = {
        {"datestyle", "DateStyle"},
        {"DATESTYLE", "DateStyle"},
        {"intervalstyle", "IntervalStyle"},
        {"timezone", "TimeZone"},
        {"TimeZone", "TimeZone"},
        {"Application_Name", "application_name"},
        {"Work_Mem", "work_mem"},
        {"My.Var", "my.var"},
        {"plain", "plain"},
        {"", ""},
    };
    for (const auto& [name, canonical] : kCases) {
        EXPECT_EQ(canonical_name(name), canonical);
        std::string storage;
        EXPECT_EQ(canonical_name(name, storage), canonical);
        EXPECT_TRUE(same_name(name, canonical));
    }
    EXPECT_FALSE(same_name("a", "aa"));
    EXPECT_FALSE(same_name("a[", "a{")) << "only letters have a case";
    EXPECT_FALSE(same_name("\xc3\x84", "\xc3\xa4")) << "only ASCII has one";
}

TEST(SettingNames, OnlyWellFormedOnesAreNames) {
    for (const std::string name : {"a", "_", "work_mem", "a1$", "x.y", "_x._y.z$", "DateStyle"}) {
        EXPECT_TRUE(is_setting_name(name)) << name;
    }
    for (const std::string name : {"",    ".",   "a.", ".a", "a..b", "1a",  "$a",  "a.1",      "a.$",   "a b",
                                   "a-b", "a\"", "a'", "a;", "a\\",  "a\n", "a=1", "\xc3\xbc", "a\x80", "a/*"}) {
        EXPECT_FALSE(is_setting_name(name)) << name;
    }
    EXPECT_FALSE(is_setting_name(std::string_view("a\0", 2)));
    EXPECT_TRUE(is_setting_name(std::string(200, 'a')));
    EXPECT_FALSE(is_setting_name(std::string(201, 'a')));
}

// semantics.md D, GUC_REPORT.
TEST(SettingNames, KindsOfReports) {
    for (const char* name :
         {"application_name", "CLIENT_ENCODING", "datestyle", "IntervalStyle", "timezone",
          "standard_conforming_strings", "default_transaction_read_only", "scram_iterations", "search_path"}) {
        EXPECT_TRUE(is_tracked_report(name)) << name;
        EXPECT_FALSE(is_fixed_report(name)) << name;
    }
    for (const char* name : {"server_version", "server_encoding", "is_superuser", "session_authorization",
                             "integer_datetimes", "In_Hot_Standby"}) {
        EXPECT_TRUE(is_fixed_report(name)) << name;
        EXPECT_FALSE(is_tracked_report(name)) << name;
    }
    for (const char* name : {"role", "work_mem", ""}) EXPECT_FALSE(is_tracked_report(name) || is_fixed_report(name));
}

TEST(SettingNames, ListsOfNames) {
    for (const char* name :
         {"search_path", "Search_Path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}) {
        EXPECT_TRUE(is_name_list(name)) << name;
    }
    for (const char* name : {"DateStyle", "x.search_path", "log_destination", "role"}) {
        EXPECT_FALSE(is_name_list(name)) << name;
    }
}

struct Difference {
    const char* what;
    Entries desired;
    Entries actual;
    std::string sql;
};

class DifferenceSql : public testing::TestWithParam<Difference> {};

TEST_P(DifferenceSql, IsTheWay) {
    const Difference& its = GetParam();
    ParameterTable table;
    const auto desired = table.intern(its.desired);
    const auto actual = table.intern(its.actual);
    EXPECT_EQ(difference_sql(*desired, *actual), its.sql);
    EXPECT_EQ(difference_sql(*desired, *desired), "");
    EXPECT_EQ(difference_sql(*actual, *actual), "");
}

const std::string kLong = "x." + std::string(70, 'a');

// That such texts lead a real session there was tried by hand on PostgreSQL 15, for about a thousand pairs of sets.
const Difference kDifferences[] = {
    {"nothing", {}, {}, ""},
    {"one", {{"work_mem", "8MB"}}, {}, "SET \"work_mem\" TO E'8MB';"},
    {"only what differs",
     {{"a.a", "1"}, {"b.b", "2"}, {"c.c", "3"}},
     {{"a.a", "1"}, {"b.b", "x"}, {"d.d", "4"}},
     "SET \"b\".\"b\" TO E'2';SET \"c\".\"c\" TO E'3';RESET \"d\".\"d\";"},
    {"all gone", {}, {{"TimeZone", "UTC"}, {"a.a", "1"}}, "RESET \"TimeZone\";RESET \"a\".\"a\";"},
    {"a keyword in a name", {{"session.user", "x"}}, {}, "SET \"session\".\"user\" TO E'x';"},
    {"quotes", {{"a.a", "it's ''"}}, {}, "SET \"a\".\"a\" TO E'it''s ''''';"},
    {"backslashes", {{"a.a", "\\'; DROP TABLE t; --\\"}}, {}, "SET \"a\".\"a\" TO E'\\\\''; DROP TABLE t; --\\\\';"},
    {"newlines, tabs, controls", {{"a.a", "1\n\r\t\x01\x7f"}}, {}, "SET \"a\".\"a\" TO E'1\n\r\t\x01\x7f';"},
    {"dollars", {{"a.a", "$$x$1 $a$"}}, {}, "SET \"a\".\"a\" TO E'$$x$1 $a$';"},
    {"empty", {{"a.a", ""}}, {}, "SET \"a\".\"a\" TO E'';"},
    {"lists are not one name",
     {{"search_path", "\"we\"\"ird\", 'q', a\\b"}},
     {{"search_path", "public"}},
     "SELECT pg_catalog.set_config(E'search_path',E'\"we\"\"ird\", ''q'', a\\\\b',false) IS NULL;"},
    {"a list that is no list of names",
     {{"DateStyle", "ISO, DMY"}},
     {{"DateStyle", "German, MDY"}},
     "SET \"DateStyle\" TO E'ISO, DMY';"},
    {"half a DateStyle must not keep another's half",
     {{"DateStyle", "DMY"}},
     {{"DateStyle", "German, MDY"}},
     "RESET \"DateStyle\";SET \"DateStyle\" TO E'DMY';"},
    {"half a DateStyle in two words",
     {{"DateStyle", "ISO, ISO"}},
     {{"DateStyle", "SQL, YMD"}},
     "RESET \"DateStyle\";SET \"DateStyle\" TO E'ISO, ISO';"},
    {"beyond ASCII, in UTF8",
     {{"a.a", "\xc3\xbc'"}},
     {},
     "SELECT pg_catalog.set_config(E'a.a',pg_catalog.convert_from(pg_catalog.decode('c3bc27','hex'),E'UTF8'),false) IS "
     "NULL;"},
    {"beyond ASCII, in the encoding desired",
     {{"a.a", "\xfc"}, {"client_encoding", "LATIN1"}},
     {{"client_encoding", "UTF8"}},
     "SELECT pg_catalog.set_config(E'a.a',pg_catalog.convert_from(pg_catalog.decode('fc','hex'),E'LATIN1'),false) IS "
     "NULL;"
     "SET \"client_encoding\" TO E'LATIN1';"},
    {"beyond ASCII, in the encoding that is",
     {{"a.a", "\xfc"}},
     {{"client_encoding", "LATIN1"}},
     "SELECT pg_catalog.set_config(E'a.a',pg_catalog.convert_from(pg_catalog.decode('fc','hex'),E'LATIN1'),false) IS "
     "NULL;"
     "RESET \"client_encoding\";"},
    {"a name that SET would cut",
     {{kLong, "1"}},
     {},
     "SELECT pg_catalog.set_config(E'" + kLong + "',E'1',false) IS NULL;"},
    {"a name that RESET would cut",
     {},
     {{kLong, "1"}},
     "SELECT pg_catalog.set_config(E'" + kLong + "',NULL,false) IS NULL;"},
    {"what cannot be set",
     {{"server_version", "15"}, {"in_hot_standby", "off"}, {"is_superuser", "on"}},
     {{"session_authorization", "ann"}, {"server_encoding", "UTF8"}, {"integer_datetimes", "on"}},
     ""},
};

INSTANTIATE_TEST_SUITE_P(Pairs, DifferenceSql, testing::ValuesIn(kDifferences));

TEST(DifferenceSql, IsAsciiWhateverTheValues) {
    ParameterTable table;
    std::string every;
    for (int c = 1; c < 256; ++c) every += static_cast<char>(c);
    for (const char* encoding : {"UTF8", "SQL_ASCII", "\xff\xfe'"}) {
        const auto set = table.intern({{"a.a", every}, {"search_path", every}, {"client_encoding", encoding}});
        const std::string sql = difference_sql(*set, ParameterSet());
        EXPECT_TRUE(std::ranges::all_of(sql, [](char c) { return c > 0; }));
    }
}

// Outside of literals and quoted names there is nothing but our own text: a small reader of E'…', '…' and "…".
TEST(DifferenceSql, NoValueLeavesItsLiteral) {
    ParameterTable table;
    for (const std::string value :
         {"'", "\\", "\\'", "''\\", "\\\\'; --", "'||pg_sleep(1)||'", "$$'$$", "/*'*/", "E'x'"}) {
        const auto set = table.intern({{"a.a", value}, {"search_path", value}});
        const std::string sql = difference_sql(*set, ParameterSet());
        std::string outside;
        for (std::size_t i = 0; i < sql.size(); ++i) {
            if (sql[i] != '\'' && sql[i] != '"') {
                outside += sql[i];
                continue;
            }
            const char quote = sql[i];
            const bool escapes = quote == '\'' && i > 0 && sql[i - 1] == 'E';
            for (++i; i < sql.size(); ++i) {
                if (escapes && sql[i] == '\\') {
                    ++i;
                } else if (sql[i] == quote && (i + 1 == sql.size() || sql[i + 1] != quote)) {
                    break;
                } else if (sql[i] == quote) {
                    ++i;
                }
            }
        }
        EXPECT_EQ(outside, "SET . TO E;SELECT pg_catalog.set_config(E,E,false) IS NULL;") << value;
    }
}

TEST(ParameterSet, KnowsWhatMattersToReadingSql) {
    ParameterTable table;
    const ParameterSet::Facts none = ParameterRef()->facts();
    EXPECT_TRUE(none.standard_conforming_strings);
    EXPECT_FALSE(none.ascii_trail_bytes || none.default_read_only || none.default_serializable);
    const ParameterRef usual = table.intern({{"client_encoding", "UTF8"}, {"standard_conforming_strings", "on"}});
    EXPECT_TRUE(usual->facts().standard_conforming_strings);
    EXPECT_FALSE(usual->facts().ascii_trail_bytes);
    const ParameterRef other = table.intern({{"client_encoding", "SJIS"},
                                             {"standard_conforming_strings", "off"},
                                             {"default_transaction_read_only", "on"},
                                             {"default_transaction_isolation", "serializable"}});
    for (int i = 0; i < 2; ++i) {
        const ParameterSet::Facts facts = other->facts();
        EXPECT_FALSE(facts.standard_conforming_strings);
        EXPECT_TRUE(facts.ascii_trail_bytes && facts.default_read_only && facts.default_serializable);
    }
}

TEST(ParameterTable, WhatPlansDependOn) {
    ParameterTable table;
    {
        const ParameterRef set = table.intern({{"application_name", "a"}, {"search_path", "b"}, {"statement_timeout", "1s"}});
        const ParameterRef path = table.intern({{"search_path", "b"}});
        EXPECT_EQ(table.for_plans(set), path);
        EXPECT_EQ(table.for_plans(set), path);
        EXPECT_EQ(table.for_plans(path), path);
        EXPECT_EQ(table.for_plans(path), path);
        const ParameterRef harmless = table.intern({{"application_name", "a"}});
        EXPECT_EQ(table.for_plans(harmless), ParameterRef());
        EXPECT_EQ(table.for_plans(harmless), ParameterRef());
        EXPECT_EQ(table.for_plans({}), ParameterRef());
    }
    EXPECT_EQ(table.size(), 0U) << "what is remembered of a set does not keep it";
}

}  // namespace
}  // namespace pgweir::session
