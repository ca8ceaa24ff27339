// How a probe's row is read (semantics.md F.2).
#include "proxy/monitor/probe_query.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace pgweir::monitor {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
using Row = std::vector<const char*>;  // a null is SQL's

Result result_of(const std::vector<Row>& rows, std::size_t columns) {
    Result result(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), &PQclear);
    std::array<char, 2> name = {'c', '\0'};
    PGresAttDesc column{};
    column.name = name.data();
    std::vector<PGresAttDesc> all(columns, column);
    PQsetResultAttrs(result.get(), static_cast<int>(columns), all.data());
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            std::string text = rows[r][c] == nullptr ? "" : rows[r][c];
            const int length = rows[r][c] == nullptr ? -1 : static_cast<int>(text.size());
            PQsetvalue(result.get(), static_cast<int>(r), static_cast<int>(c), text.data(), length);
        }
    }
    return result;
}

const Row kPrimary = {"f", "0/4000028", "0/3FFFF00", "f", "7231234567890123456", "0000000A", nullptr, "150008", "16777216"};
const Row kReplica = {"t", "0/4000000", nullptr, "t", "7231234567890123456", nullptr, "10", "160002", "1048576"};

TEST(ProbeQuery, ReadsAPrimary) {
    const auto probe = read_probe(result_of({kPrimary}, 9).get());
    ASSERT_TRUE(probe);
    EXPECT_FALSE(probe->in_recovery);
    EXPECT_EQ(probe->position, Lsn{0x4000028});
    EXPECT_EQ(probe->flushed, Lsn{0x3FFFF00});
    EXPECT_EQ(probe->system_identifier, 7231234567890123456U);
    EXPECT_EQ(probe->timeline, 10U);  // hexadecimal, of a WAL file's name
    EXPECT_EQ(probe->server_version, 150008U);
    EXPECT_EQ(probe->wal_segment_size, 16777216U);
}

TEST(ProbeQuery, ReadsAReplica) {
    const auto probe = read_probe(result_of({kReplica}, 9).get());
    ASSERT_TRUE(probe);
    EXPECT_TRUE(probe->in_recovery);
    EXPECT_EQ(probe->position, Lsn{0x4000000});
    EXPECT_TRUE(probe->replay_paused);
    EXPECT_EQ(probe->timeline, 10U);  // decimal
    EXPECT_EQ(probe->wal_segment_size, 1048576U);
}

TEST(ProbeQuery, AReplicaThatReplayedNothingIsAtZero) {
    Row row = kReplica;
    row[1] = nullptr;
    const auto probe = read_probe(result_of({row}, 9).get());
    ASSERT_TRUE(probe);
    EXPECT_EQ(probe->position, Lsn{0});
}

TEST(ProbeQuery, RefusesAnotherShape) {
    EXPECT_FALSE(read_probe(result_of({}, 9).get()));
    EXPECT_FALSE(read_probe(result_of({kPrimary, kPrimary}, 9).get()));
    EXPECT_FALSE(read_probe(result_of({kPrimary}, 8).get()));
    for (const std::size_t column : {4U, 5U, 7U, 8U}) {
        for (const char* bad : {"", "x", "-1", "99999999999999999999999", "12 ", static_cast<const char*>(nullptr)}) {
            Row row = kPrimary;
            row[column] = bad;
            EXPECT_FALSE(read_probe(result_of({row}, 9).get())) << column << " " << (bad == nullptr ? "null" : bad);
        }
    }
    for (const char* bad : {"maybe", "", static_cast<const char*>(nullptr)}) {
        Row row = kPrimary;
        row[0] = bad;
        EXPECT_FALSE(read_probe(result_of({row}, 9).get()));  // neither role: never taken for a primary
        row = kPrimary;
        row[1] = bad;
        EXPECT_FALSE(read_probe(result_of({row}, 9).get()));  // a primary always has a position
        row = kPrimary;
        row[2] = bad;
        EXPECT_FALSE(read_probe(result_of({row}, 9).get()));
    }
}

}  // namespace
}  // namespace pgweir::monitor
