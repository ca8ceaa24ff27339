// What judging a statement costs: issue 4 wants ≤ 250 ns for pgbench's SELECT and ≥ 400 MB/s on long texts.
#include <benchmark/benchmark.h>

#include <string>

#include "proxy/sql/classify.hpp"

namespace {

const pgweir::sql::Allowlist kFunctions;

void judge(benchmark::State& state, const std::string& text) {
    for (auto _ : state) {
        auto statement = pgweir::sql::classify(text, {}, kFunctions);
        benchmark::DoNotOptimize(statement);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

std::string repeated(const std::string& head, const std::string& piece, const std::string& tail) {
    std::string text = head;
    while (text.size() < 100'000) text += piece;
    return text + tail;
}

void pgbench_select(benchmark::State& s) { judge(s, "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;"); }
void pgbench_update(benchmark::State& s) {
    judge(s, "UPDATE pgbench_accounts SET abalance = abalance + -1234 WHERE aid = 12345;");
}
void join_and_functions(benchmark::State& s) {
    judge(s,
          "SELECT o.id, lower(c.name), count(*) FILTER (WHERE i.price > 10), coalesce(sum(i.price), 0) FROM orders o "
          "JOIN "
          "customers c ON c.id = o.customer_id LEFT JOIN items i ON i.order_id = o.id WHERE o.created_at > now() - "
          "interval '1 day' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20");
}
void long_in_list(benchmark::State& s) { judge(s, repeated("SELECT * FROM t WHERE id IN (0", ", 12345678", ")")); }
void long_values(benchmark::State& s) {
    judge(s, repeated("VALUES (1, 'x')", ", (12345, 'some text of a usual length', now())", ""));
}
void long_string(benchmark::State& s) { judge(s, repeated("SELECT '", "all work and no play ", "'")); }
void long_columns(benchmark::State& s) {
    judge(s, repeated("SELECT a", ", some_table.some_column AS some_alias", " FROM t"));
}
void long_comment(benchmark::State& s) { judge(s, repeated("/* ", "all work and no play ", "*/ SELECT 1")); }

BENCHMARK(pgbench_select);
BENCHMARK(pgbench_update);
BENCHMARK(join_and_functions);
BENCHMARK(long_in_list);
BENCHMARK(long_values);
BENCHMARK(long_string);
BENCHMARK(long_columns);
BENCHMARK(long_comment);

}  // namespace

BENCHMARK_MAIN();
