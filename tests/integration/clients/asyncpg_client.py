"""asyncpg: a driver of its own, everything binary and prepared; its pool resets connections with SQL."""

import asyncio
import datetime
import decimal
import io

import asyncpg
from steps import BYTES, COPY_OUT, COUNT, LARGE, LINES, NOTICE, SLEEP, SLEEPING, UNICODE, equal, run_async


async def state_of(sql):
    try:
        await main.execute(sql)
    except asyncpg.PostgresError as error:
        return error.sqlstate
    return None


async def login():
    global main, pool
    main = await asyncpg.connect()
    pool = await asyncpg.create_pool(min_size=1, max_size=2)
    equal(await main.fetchval("SELECT current_user"), "app")


async def parameters():
    given = (7, 2**40, "it's", True, decimal.Decimal("12.340"), datetime.date(2024, 2, 29), 1.5, [1, 2, 3], None)
    sql = "SELECT $1::int, $2::bigint, $3::text, $4::bool, $5::numeric, $6::date, $7::float8, $8::int[], $9::int"
    equal(tuple(await main.fetchrow(sql, *given)), given)


async def prepared():
    servers = set()
    statement = await main.prepare("SELECT $1::int * 2, name FROM which_server")
    for number in range(100):
        double, server = await statement.fetchrow(number)
        equal(double, number * 2)
        servers.add(server)
    # The first one may be the primary's: asyncpg's Flush behind Parse comes before its Sync.
    equal(servers - {"primary"}, {"replica1", "replica2"})


async def rollback():
    transaction = main.transaction()
    await transaction.start()
    await main.execute("INSERT INTO matrix (id) VALUES ($1)", 1)
    equal(await main.fetchval(COUNT), 1)
    await transaction.rollback()
    equal(await main.fetchval(COUNT), 0)
    async with main.transaction():
        await main.execute("INSERT INTO matrix (id) VALUES ($1)", 2)
    equal(await main.fetchval(COUNT), 1)


async def copy_in():
    records = [(number, f"line {number}") for number in range(1000, 2000)]
    await main.copy_records_to_table("matrix", records=records, columns=["id", "note"])
    equal(await main.fetchval(COUNT), 1001)


async def copy_out():
    out = io.BytesIO()
    await main.copy_from_query(COPY_OUT.split("(", 1)[1].rsplit(")", 1)[0], output=out)
    equal(out.getvalue().decode(), LINES)


async def sqlstate():
    equal(await state_of("INSERT INTO matrix (id) VALUES (2)"), "23505")
    equal(await state_of("SELECT 1 / 0"), "22012")
    equal(await main.fetchval("SELECT 1"), 1)


async def cancel():
    # asyncpg cancels when its task is cancelled, and takes the 57014 for the answer to that: no error to look at.
    task = asyncio.ensure_future(main.execute(SLEEP))
    while await pool.fetchval(SLEEPING) != 1:
        await asyncio.sleep(0.02)
    task.cancel()
    equal(type((await asyncio.gather(task, return_exceptions=True))[0]), asyncio.CancelledError)
    equal(await main.fetchval("SELECT 1"), 1)
    equal(await pool.fetchval(SLEEPING), 0)


async def notice():
    seen = asyncio.get_running_loop().create_future()
    main.add_log_listener(lambda _, message: seen.done() or seen.set_result(message.message))
    await main.execute(NOTICE)
    equal(await asyncio.wait_for(seen, 30), "a notice: 42")


async def large():
    equal(sum(len(text) for _, text in await main.fetch(LARGE)), 10_000_000)


async def bytea():
    equal(await main.fetchval("SELECT $1::bytea", BYTES), BYTES)


async def unicode():
    equal(await main.fetchval("SELECT $1::text", UNICODE), UNICODE)


async def cursor():
    async with main.transaction():
        numbers = [row[0] async for row in main.cursor("SELECT n FROM generate_series(1, 300) n", prefetch=50)]
    equal(numbers, list(range(1, 301)))


async def notify():
    arrived = asyncio.get_running_loop().create_future()
    await main.add_listener("matrix", lambda _, pid, channel, payload: arrived.set_result((channel, payload)))
    await pool.execute("SELECT pg_notify('matrix', $1)", "from the other")
    equal(await asyncio.wait_for(arrived, 30), ("matrix", "from the other"))


asyncio.run(run_async(login, parameters, prepared, rollback, copy_in, copy_out, sqlstate, cancel, notice, large, bytea, unicode,
                      cursor, notify))
