// node's postgres: pipelines what it can over a pool of its own, and prepares every statement with parameters.

import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { equal, run, environment, load, until, words } from './steps.mjs';

const { default: postgres } = await load('postgres');
const { BYTES, COPY_IN, COPY_OUT, COUNT, LARGE, LINES, NOTICE, SLEEP, SLEEPING, UNICODE } = words;
const notices = [];
let sql;

const value = async (query) => Object.values((await query)[0])[0];

async function stateOf(query) {
  try {
    await query;
  } catch (error) {
    return error.code;
  }
  return undefined;
}

await run({
  async login() {
    sql = postgres({ ...environment(), max: 2, onnotice: (notice) => notices.push(notice.message) });
    equal(await value(sql`SELECT current_user`), 'app');
  },

  async parameters() {
    const seen = await sql`SELECT ${7}::int, ${'1099511627776'}::bigint, ${"it's"}::text, ${true}::bool, ${'12.340'}::numeric,
      ${1.5}::float8, ${[1, 2, 3]}::int[], ${null}::int`.values();
    equal([...seen[0]], [7, '1099511627776', "it's", true, '12.340', 1.5, [1, 2, 3], null]);
    equal(await value(sql`SELECT ${sql.json({ a: 1 })}::jsonb`), { a: 1 });
  },

  async prepared() {
    // All at once: they travel in a pipeline on both connections.
    const rows = await Promise.all(Array.from({ length: 100 },
      (_, number) => sql`SELECT ${number}::int * 2 AS double, name FROM which_server`));
    equal(rows.map(([row]) => row.double), Array.from({ length: 100 }, (_, number) => number * 2));
    const servers = new Set(rows.map(([row]) => row.name));
    equal([servers.has('replica1'), servers.has('replica2')], [true, true]);
  },

  async rollback() {
    equal(await stateOf(sql.begin(async (transaction) => {
      await transaction`INSERT INTO matrix (id) VALUES (${1})`;
      equal(await value(transaction.unsafe(COUNT)), '1');
      throw Object.assign(new Error('out of it'), { code: 'mine' });
    })), 'mine');
    equal(await value(sql.unsafe(COUNT)), '0');
    await sql.begin((transaction) => transaction`INSERT INTO matrix (id) VALUES (${2})`);
    equal(await value(sql.unsafe(COUNT)), '1');
  },

  async copy_in() {
    await pipeline(Readable.from([LINES]), await sql.unsafe(COPY_IN).writable());
    equal(await value(sql.unsafe(COUNT)), '1001');
  },

  async copy_out() {
    let lines = '';
    for await (const chunk of await sql.unsafe(COPY_OUT).readable()) lines += chunk;
    equal(lines, LINES);
  },

  async sqlstate() {
    equal(await stateOf(sql`INSERT INTO matrix (id) VALUES (${2})`), '23505');
    equal(await stateOf(sql`SELECT 1 / ${0}::int`), '22012');
    equal(await value(sql`SELECT 1`), 1);
  },

  async cancel() {
    const query = sql.unsafe(SLEEP);
    const state = stateOf(query);
    await until(async () => (await value(sql.unsafe(SLEEPING))) === '1', 'the statement runs');
    query.cancel();
    equal(await state, '57014');
    equal(await Promise.all([value(sql`SELECT 1`), value(sql`SELECT 1`)]), [1, 1]);
  },

  async notice() {
    await sql.unsafe(NOTICE);
    await until(() => notices.includes('a notice: 42'), 'the notice');
  },

  async large() {
    equal((await sql.unsafe(LARGE)).reduce((sum, row) => sum + row.repeat.length, 0), 10_000_000);
  },

  async bytea() {
    equal((await value(sql`SELECT ${BYTES}::bytea`)).equals(BYTES), true);
  },

  async unicode() {
    equal(await value(sql`SELECT ${UNICODE}::text`), UNICODE);
  },

  async notify() {
    const arrived = new Promise((resolve) => { sql.listen('matrix', resolve).then(() => sql.notify('matrix', 'from the other')); });
    equal(await arrived, 'from the other');
  },
});
await sql.end();
