"""psycopg2: libpq with parameters put into the text by the client."""

import datetime
import decimal
import io
import select
import threading

import psycopg2
from steps import BYTES, COPY_IN, COPY_OUT, COUNT, LARGE, LINES, NOTICE, SLEEP, SLEEPING, UNICODE, equal, run, until


def connect():
    connection = psycopg2.connect("application_name=matrix")
    connection.autocommit = True
    return connection


def rows(sql, parameters=None, on=None):
    with (on or main).cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def value(sql, parameters=None, on=None):
    return rows(sql, parameters, on)[0][0]


def state_of(sql):
    try:
        rows(sql)
    except psycopg2.Error as error:
        return error.pgcode
    return None


def login():
    global main, other
    main, other = connect(), connect()
    equal(value("SELECT current_user"), "app")


def parameters():
    given = (7, 2**40, "it's", True, decimal.Decimal("12.340"), datetime.date(2024, 2, 29), 1.5, [1, 2, 3], None)
    equal(rows("SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s", given), [given])


def prepared():
    # psycopg2 has no prepared statements of the protocol: SQL's own.
    rows("PREPARE double(int) AS SELECT $1 * 2")
    for number in range(100):
        equal(value("EXECUTE double(%s)", (number,)), number * 2)
    rows("DEALLOCATE double")


def rollback():
    main.autocommit = False
    rows("INSERT INTO matrix (id) VALUES (1)")
    equal(value(COUNT), 1)
    main.rollback()
    equal(value(COUNT), 0)
    rows("INSERT INTO matrix (id) VALUES (2)")
    main.commit()
    main.autocommit = True
    equal(value(COUNT), 1)


def copy_in():
    with main.cursor() as cursor:
        cursor.copy_expert(COPY_IN, io.StringIO(LINES))
    equal(value(COUNT), 1001)


def copy_out():
    out = io.StringIO()
    with main.cursor() as cursor:
        cursor.copy_expert(COPY_OUT, out)
    equal(out.getvalue(), LINES)


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
    rows(NOTICE)
    equal(main.notices[-1], "NOTICE:  a notice: 42\n")


def large():
    equal(sum(len(text) for _, text in rows(LARGE)), 10_000_000)


def bytea():
    equal(bytes(value("SELECT %s", (psycopg2.Binary(BYTES),))), BYTES)


def unicode():
    equal(value("SELECT %s", (UNICODE,)), UNICODE)


def notify():
    rows("LISTEN matrix")
    rows("NOTIFY matrix, 'from the other'", on=other)

    def arrived():
        select.select([main], [], [], 0.2)
        main.poll()
        return main.notifies
    until(arrived, "the notification")
    equal((main.notifies[0].channel, main.notifies[0].payload), ("matrix", "from the other"))


run(login, parameters, prepared, rollback, copy_in, copy_out, sqlstate, cancel, notice, large, bytea, unicode, notify)
