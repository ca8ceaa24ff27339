// What judging a statement costs: at most 250 ns for pgbench's SELECT, at least 400 MB/s on long texts, no allocation.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "tests/unit/proxy/sql/judge.hpp"

namespace {

using pgweir::test::allocation_count;

void measure(benchmark::State& state, const std::string& text, bool reads) {
    if (pgweir::sql::test::judge(text).reads_only != reads) {
        state.SkipWithError("the statement is judged otherwise");
        return;
    }
    const std::size_t before = allocation_count();
    for (auto _ : state) {
        auto statement = pgweir::sql::test::judge(text);
        benchmark::DoNotOptimize(statement);
    }
    if (allocation_count() != before) state.SkipWithError("memory was allocated");
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

std::string repeated(const std::string& head, const std::string& piece, const std::string& tail) {
    std::string text = head;
    while (text.size() < 100'000) text += piece;
    return text + tail;
}

// Short: the time of one is what counts.

void pgbench_select(benchmark::State& s) { measure(s, "SELECT abalance FROM pgbench_accounts WHERE aid = 123456;", true); }
void pgbench_update(benchmark::State& s) {
    measure(s, "UPDATE pgbench_accounts SET abalance = abalance + -1234 WHERE aid = 123456;", false);
}
void join_and_functions(benchmark::State& s) {
    measure(s,
          "SELECT o.id, lower(c.name), count(*) FILTER (WHERE i.price > 10), coalesce(sum(i.price), 0) FROM orders o "
          "JOIN customers c ON c.id = o.customer_id LEFT JOIN items i ON i.order_id = o.id WHERE o.created_at > now() - "
          "interval '1 day' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20",
          true);
}

// Long: bytes per second.

void long_in_list(benchmark::State& s) { measure(s, repeated("SELECT * FROM t WHERE id IN (0", ", 12345678", ")"), true); }
void long_string_in_list(benchmark::State& s) {
    measure(s, repeated("SELECT * FROM t WHERE id IN ('x'", ",'6fa459ea-ee8a-3ca4-894e-db77e160355e'", ")"), true);
}
void long_values(benchmark::State& s) {
    measure(s, repeated("VALUES (1, 'x', now())", ", (12345, 'some text of a usual length', now())", ""), true);
}
void long_string(benchmark::State& s) { measure(s, repeated("SELECT '", "all work and no play ", "'"), true); }
void long_quotes(benchmark::State& s) { measure(s, repeated("SELECT '", "it''s a text with quotes ", "'"), true); }
void long_escape_string(benchmark::State& s) { measure(s, repeated("SELECT E'", "all work\\n and no play ", "'"), true); }
void long_dollar_string(benchmark::State& s) { measure(s, repeated("SELECT $q$", "all work and no play ", "$q$"), true); }
void long_columns(benchmark::State& s) {
    measure(s, repeated("SELECT a", ", some_table.some_column AS some_alias", " FROM t"), true);
}
void long_quoted_columns(benchmark::State& s) {
    measure(s, repeated("SELECT a", ", \"orders\".\"customer_id\" AS \"customer_id\"", " FROM t"), true);
}
void long_conditions(benchmark::State& s) {
    measure(s, repeated("SELECT 1 FROM t WHERE a = 1", " OR (tenant_id = 42 AND created_at >= '2024-01-01')", ""), true);
}
void long_union(benchmark::State& s) {
    measure(s,
          repeated("SELECT 1",
                   "\nUNION ALL\n    SELECT o.id, lower(c.name), sum(i.price)\n    FROM orders o\n    JOIN customers c ON "
                   "c.id = o.customer_id\n    WHERE o.created_at > $1\n    GROUP BY 1, 2",
                   ""),
          true);
}
void long_comment(benchmark::State& s) { measure(s, repeated("/* ", "all work and no play ", "*/ SELECT 1"), true); }

BENCHMARK(pgbench_select);
BENCHMARK(pgbench_update);
BENCHMARK(join_and_functions);
BENCHMARK(long_in_list);
BENCHMARK(long_string_in_list);
BENCHMARK(long_values);
BENCHMARK(long_string);
BENCHMARK(long_quotes);
BENCHMARK(long_escape_string);
BENCHMARK(long_dollar_string);
BENCHMARK(long_columns);
BENCHMARK(long_quoted_columns);
BENCHMARK(long_conditions);
BENCHMARK(long_union);
BENCHMARK(long_comment);

}  // namespace

BENCHMARK_MAIN();
