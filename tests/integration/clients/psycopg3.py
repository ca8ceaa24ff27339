"""psycopg 3: parameters and prepared statements of the protocol, and pipeline mode."""

import datetime
import decimal
import threading

import psycopg
from psycopg import pq
from steps import BYTES, COPY_IN, COPY_OUT, COUNT, LARGE, LINES, NOTICE, SLEEP, SLEEPING, UNICODE, equal, run, until


def value(sql, parameters=None, on=None, **more):
    return (on or main).execute(sql, parameters, **more).fetchone()[0]


def state_of(sql):
    try:
        main.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def login():
    global main, other
    main, other = (psycopg.connect("", autocommit=True) for _ in range(2))
    equal(value("SELECT current_user"), "app")


def parameters():
    given = (7, 2**40, "it's", True, decimal.Decimal("12.340"), datetime.date(2024, 2, 29), 1.5, [1, 2, 3], None)
    for binary in (False, True):
        equal(main.execute("SELECT %s, %s, %s::text, %s, %s, %s, %s, %s, %s::int", given, binary=binary).fetchone(), given)


def prepared():
    servers = set()
    for number in range(100):
        double, server = main.execute("SELECT %s::int * 2, name FROM which_server", (number,), prepare=True).fetchone()
        equal(double, number * 2)
        servers.add(server)
    equal(servers, {"replica1", "replica2"})


def rollback():
    try:
        with main.transaction():
            main.execute("INSERT INTO matrix (id) VALUES (%s)", (1,))
            equal(value(COUNT), 1)
            raise KeyError("out of it")
    except KeyError:
        pass
    equal(value(COUNT), 0)
    with main.transaction():
        main.execute("INSERT INTO matrix (id) VALUES (%s)", (2,))
    equal(value(COUNT), 1)


def copy_in():
    with main.cursor() as cursor, cursor.copy(COPY_IN) as copy:
        for number in range(1000, 2000):
            copy.write_row((number, f"line {number}"))
    equal(value(COUNT), 1001)


def copy_out():
    with main.cursor() as cursor, cursor.copy(COPY_OUT) as copy:
        equal(b"".join(copy).decode(), LINES)


def sqlstate():
    equal(state_of("INSERT INTO matrix (id) VALUES (2)"), "23505")
    equal(state_of("SELECT 1 / 0"), "22012")
    equal(value("SELECT 1"), 1)


def cancel():
    def when_it_sleeps():
        until(lambda: value(SLEEPING, on=other) == 1, "the statement runs")
        main.cancel()
    thread = threading.Thread(target=when_it_sleeps)
    thread.start()
    equal(state_of(SLEEP), "57014")
    thread.join()
    equal(value("SELECT 1"), 1)


def notice():
    seen = []
    main.add_notice_handler(lambda diagnostic: seen.append(diagnostic.message_primary))
    main.execute(NOTICE)
    equal(seen, ["a notice: 42"])


def large():
    equal(sum(len(text) for _, text in main.execute(LARGE)), 10_000_000)


def bytea():
    equal(value("SELECT %s", (BYTES,), binary=True), BYTES)
    equal(value("SELECT %s", (BYTES,)), BYTES)


def unicode():
    equal(value("SELECT %s", (UNICODE,)), UNICODE)


def pipeline():
    with main.pipeline():
        cursors = [main.execute("SELECT %s::int * 2", (number,)) for number in range(200)]
        main.execute("INSERT INTO matrix (id) VALUES (%s)", (3,))
    equal([cursor.fetchone()[0] for cursor in cursors], [number * 2 for number in range(200)])
    broken_pipeline()
    equal(value(COUNT), 1002)


def broken_pipeline():
    """What follows an error up to the Sync is skipped, what went before is rolled back, and the connection lives."""
    try:
        with main.pipeline():
            main.execute("INSERT INTO matrix (id) VALUES (4)")
            main.execute("INSERT INTO matrix (id) VALUES (2)")
            main.execute("INSERT INTO matrix (id) VALUES (5)")
    except psycopg.errors.UniqueViolation:
        equal(main.info.transaction_status, pq.TransactionStatus.IDLE)
        return
    raise AssertionError("no error")


def notify():
    main.execute("LISTEN matrix")
    other.execute("NOTIFY matrix, 'from the other'")
    arrived = next(main.notifies())
    equal((arrived.channel, arrived.payload), ("matrix", "from the other"))


run(login, parameters, prepared, rollback, copy_in, copy_out, sqlstate, cancel, notice, large, bytea, unicode, pipeline, notify)
