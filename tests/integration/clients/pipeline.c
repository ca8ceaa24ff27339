/* libpq in C: parameters and prepared statements of the protocol in text and binary, and pipeline mode. */

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

#define COUNT "/* pgweir: primary */ SELECT count(*) FROM matrix"
#define SLEEP "/* pgweir: primary */ SELECT pg_sleep(60)"
#define SLEEPING "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '% pg_sleep(60)'"

static PGconn *conn, *other;
static const char *step;

static void fail(const char *what, const char *seen) {
    printf("FAILED %s: %s; seen: %.300s; connection: %s\n", step, what, seen ? seen : "nothing", PQerrorMessage(conn));
    exit(1);
}

static void equal(const char *what, const char *seen, const char *wanted) {
    if (!seen || strcmp(seen, wanted) != 0) fail(what, seen);
}

static void check(const char *what, bool good) {
    if (!good) fail(what, NULL);
}

/* The result with this status, or the end. */
static PGresult *expect(PGresult *result, ExecStatusType status, const char *what) {
    if (PQresultStatus(result) != status) fail(what, PQresultErrorMessage(result));
    return result;
}

static void execute(PGconn *on, const char *sql, ExecStatusType status) {
    PQclear(expect(PQexec(on, sql), status, sql));
}

static void value_is(PGconn *on, const char *sql, const char *wanted) {
    PGresult *result = expect(PQexec(on, sql), PGRES_TUPLES_OK, sql);
    equal(sql, PQgetvalue(result, 0, 0), wanted);
    PQclear(result);
}

static void state_is(const char *sql, const char *state) {
    PGresult *result = expect(PQexec(conn, sql), PGRES_FATAL_ERROR, sql);
    equal(sql, PQresultErrorField(result, PG_DIAG_SQLSTATE), state);
    PQclear(result);
}

static void login(void) {
    conn = PQconnectdb("application_name=matrix");
    other = PQconnectdb("");
    check("the connection", PQstatus(conn) == CONNECTION_OK && PQstatus(other) == CONNECTION_OK);
    check("TLS as asked for", PQsslInUse(conn) == (strcmp(getenv("PGSSLMODE"), "disable") != 0));
    value_is(conn, "SELECT current_user", "app");
}

static void parameters(void) {
    static const char *const values[] = {"7", "1099511627776", "it's", "t", "12.340", "2024-02-29", "1.5", "{1,2,3}", NULL};
    const char *sql = "SELECT $1::int, $2::bigint, $3::text, $4::bool, $5::numeric, $6::date, $7::float8, $8::int[], $9::int";
    PGresult *result = expect(PQexecParams(conn, sql, 9, NULL, values, NULL, NULL, 0), PGRES_TUPLES_OK, sql);
    for (int i = 0; i < 8; ++i) equal(values[i], PQgetvalue(result, 0, i), values[i]);
    check("NULL", PQgetisnull(result, 0, 8));
    PQclear(result);
}

static void prepared(void) {
    const char *sql = "SELECT $1::int * 2, name FROM which_server";
    bool replica[3] = {false, false, false};
    PQclear(expect(PQprepare(conn, "double", sql, 0, NULL), PGRES_COMMAND_OK, sql));
    for (int i = 0; i < 100; ++i) {
        char number[16], twice[16];
        const char *values[] = {number};
        snprintf(number, sizeof number, "%d", i);
        snprintf(twice, sizeof twice, "%d", i * 2);
        PGresult *result = expect(PQexecPrepared(conn, "double", 1, values, NULL, NULL, 0), PGRES_TUPLES_OK, sql);
        equal(number, PQgetvalue(result, 0, 0), twice);
        replica[atoi(PQgetvalue(result, 0, 1) + strlen("replica")) % 3] = true;
        PQclear(result);
    }
    check("both replicas answered", replica[1] && replica[2] && !replica[0]);
    PQclear(expect(PQdescribePrepared(conn, "double"), PGRES_COMMAND_OK, "Describe"));
    execute(conn, "DEALLOCATE double", PGRES_COMMAND_OK);
    PQclear(expect(PQdescribePrepared(conn, "double"), PGRES_FATAL_ERROR, "Describe of what is gone"));
}

static void rollback(void) {
    execute(conn, "BEGIN", PGRES_COMMAND_OK);
    execute(conn, "INSERT INTO matrix (id) VALUES (1)", PGRES_COMMAND_OK);
    check("in a transaction", PQtransactionStatus(conn) == PQTRANS_INTRANS);
    execute(conn, "ROLLBACK", PGRES_COMMAND_OK);
    value_is(conn, COUNT, "0");
    execute(conn, "BEGIN", PGRES_COMMAND_OK);
    execute(conn, "INSERT INTO matrix (id) VALUES (2)", PGRES_COMMAND_OK);
    execute(conn, "COMMIT", PGRES_COMMAND_OK);
    value_is(conn, COUNT, "1");
}

static void copy_in(void) {
    execute(conn, "COPY matrix (id, note) FROM STDIN", PGRES_COPY_IN);
    for (int i = 1000; i < 2000; ++i) {
        char line[64];
        int length = snprintf(line, sizeof line, "%d\tline %d\n", i, i);
        check("PQputCopyData", PQputCopyData(conn, line, length) == 1);
    }
    check("PQputCopyEnd", PQputCopyEnd(conn, NULL) == 1);
    PQclear(expect(PQgetResult(conn), PGRES_COMMAND_OK, "the end of COPY"));
    check("one result", PQgetResult(conn) == NULL);
    value_is(conn, COUNT, "1001");
    execute(conn, "COPY matrix (id, note) FROM STDIN", PGRES_COPY_IN);
    check("PQputCopyEnd", PQputCopyEnd(conn, "changed my mind") == 1);
    PGresult *result = expect(PQgetResult(conn), PGRES_FATAL_ERROR, "COPY that the client ends");
    equal("its state", PQresultErrorField(result, PG_DIAG_SQLSTATE), "57014");
    PQclear(result);
    check("one result", PQgetResult(conn) == NULL);
}

static void copy_out(void) {
    execute(conn, "COPY (SELECT n, 'line ' || n FROM generate_series(1000, 1999) n) TO STDOUT", PGRES_COPY_OUT);
    char *line;
    int lines = 0;
    for (; PQgetCopyData(conn, &line, 0) > 0; ++lines) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%d\tline %d\n", 1000 + lines, 1000 + lines);
        equal("a line", line, wanted);
        PQfreemem(line);
    }
    check("1000 lines", lines == 1000);
    PQclear(expect(PQgetResult(conn), PGRES_COMMAND_OK, "the end of COPY"));
    check("one result", PQgetResult(conn) == NULL);
}

static void sqlstate(void) {
    state_is("INSERT INTO matrix (id) VALUES (2)", "23505");
    state_is("SELECT 1 / 0", "22012");
    value_is(conn, "SELECT 1", "1");
}

static void pause_shortly(void) {
    nanosleep(&(struct timespec){0, 20 * 1000 * 1000}, NULL);
}

static void await_sleep(void) {
    for (int i = 0; i < 2000; ++i) {
        PGresult *result = expect(PQexec(other, SLEEPING), PGRES_TUPLES_OK, SLEEPING);
        bool runs = strcmp(PQgetvalue(result, 0, 0), "1") == 0;
        PQclear(result);
        if (runs) return;
        pause_shortly();
    }
    fail("the statement runs", "never");
}

static void cancel(void) {
    char error[256];
    check("PQsendQuery", PQsendQuery(conn, SLEEP) == 1);
    await_sleep();
    PGcancel *key = PQgetCancel(conn);
    check("PQcancel", PQcancel(key, error, sizeof error) == 1);
    PQfreeCancel(key);
    PGresult *result = expect(PQgetResult(conn), PGRES_FATAL_ERROR, SLEEP);
    equal("its state", PQresultErrorField(result, PG_DIAG_SQLSTATE), "57014");
    PQclear(result);
    check("one result", PQgetResult(conn) == NULL);
    value_is(conn, "SELECT 1", "1");
}

static char noticed[256];

static void keep_notice(void *unused, const PGresult *result) {
    (void)unused;
    snprintf(noticed, sizeof noticed, "%s", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

static void notice(void) {
    PQsetNoticeReceiver(conn, keep_notice, NULL);
    execute(conn, "DO $$ BEGIN RAISE NOTICE 'a notice: %', 6 * 7; END $$", PGRES_COMMAND_OK);
    equal("the notice", noticed, "a notice: 42");
}

static void large(void) {
    const char *sql = "SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n";
    PGresult *result = expect(PQexec(conn, sql), PGRES_TUPLES_OK, sql);
    long bytes = 0;
    for (int i = 0; i < PQntuples(result); ++i) bytes += PQgetlength(result, i, 1);
    check("10 MB", bytes == 10 * 1000 * 1000);
    PQclear(result);
}

static void bytea(void) {
    static char bytes[10240];
    for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = (char)i;
    const char *const values[] = {bytes};
    const int lengths[] = {sizeof bytes}, formats[] = {1};
    PGresult *result = PQexecParams(conn, "SELECT $1::bytea", 1, NULL, values, lengths, formats, 1);
    expect(result, PGRES_TUPLES_OK, "bytea");
    check("its length", PQgetlength(result, 0, 0) == (int)sizeof bytes);
    check("its bytes", memcmp(PQgetvalue(result, 0, 0), bytes, sizeof bytes) == 0);
    PQclear(result);
}

static void unicode(void) {
    const char *const values[] = {"žluťoučký kůň, 漢字, العربية, 🐘"};
    PGresult *result = PQexecParams(conn, "SELECT $1::text", 1, NULL, values, NULL, NULL, 0);
    equal("the text", PQgetvalue(expect(result, PGRES_TUPLES_OK, "unicode"), 0, 0), values[0]);
    PQclear(result);
}

static void send(const char *sql) {
    check(sql, PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 1);
}

/* One statement's result in a pipeline, and the NULL behind it. */
static void take(ExecStatusType status, const char *state) {
    PGresult *result = expect(PQgetResult(conn), status, "a result in the pipeline");
    if (state) equal("its state", PQresultErrorField(result, PG_DIAG_SQLSTATE), state);
    PQclear(result);
    check("NULL behind a result", PQgetResult(conn) == NULL);
}

static void take_sync(void) {
    PQclear(expect(PQgetResult(conn), PGRES_PIPELINE_SYNC, "a Sync's answer"));
}

static void pipeline(void) {
    check("pipeline mode", PQenterPipelineMode(conn) == 1);
    for (int i = 0; i < 200; ++i) {
        send("SELECT 42");
        if (i % 10 == 9) PQpipelineSync(conn);
    }
    send("INSERT INTO matrix (id) VALUES (4)"); /* rolled back by what follows */
    send("INSERT INTO matrix (id) VALUES (2)");
    send("INSERT INTO matrix (id) VALUES (5)"); /* skipped */
    PQpipelineSync(conn);
    send("INSERT INTO matrix (id) VALUES (3)");
    PQpipelineSync(conn);
    for (int i = 0; i < 200; ++i) {
        take(PGRES_TUPLES_OK, NULL);
        if (i % 10 == 9) take_sync();
    }
    take(PGRES_COMMAND_OK, NULL);
    take(PGRES_FATAL_ERROR, "23505");
    take(PGRES_PIPELINE_ABORTED, NULL);
    take_sync();
    take(PGRES_COMMAND_OK, NULL);
    take_sync();
    check("out of pipeline mode", PQexitPipelineMode(conn) == 1);
    value_is(conn, COUNT, "1002");
}

static void notify(void) {
    execute(conn, "LISTEN matrix", PGRES_COMMAND_OK);
    execute(other, "NOTIFY matrix, 'from the other'", PGRES_COMMAND_OK);
    PGnotify *arrived;
    while ((arrived = PQnotifies(conn)) == NULL) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(PQsocket(conn), &set);
        check("select", select(PQsocket(conn) + 1, &set, NULL, NULL, NULL) == 1);
        check("PQconsumeInput", PQconsumeInput(conn) == 1);
    }
    equal("its channel", arrived->relname, "matrix");
    equal("its payload", arrived->extra, "from the other");
    PQfreemem(arrived);
}

#define RUN(name) (step = #name, name(), printf("ok %s\n", #name), fflush(stdout))

int main(void) {
    RUN(login), RUN(parameters), RUN(prepared), RUN(rollback), RUN(copy_in), RUN(copy_out), RUN(sqlstate), RUN(cancel);
    RUN(notice), RUN(large), RUN(bytea), RUN(unicode), RUN(pipeline), RUN(notify);
    PQfinish(conn);
    PQfinish(other);
    return 0;
}
