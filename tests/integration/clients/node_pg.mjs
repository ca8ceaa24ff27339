// node's pg: parameters and named statements of the protocol, everything in text.

import { equal, run, environment, load, until, words } from './steps.mjs';

const { default: { Client } } = await load('pg');
const { BYTES, COUNT, LARGE, NOTICE, SLEEP, SLEEPING, UNICODE } = words;
let main, other;

const value = async (sql, values, on = main) => Object.values((await on.query(sql, values)).rows[0])[0];

async function stateOf(query) {
  try {
    await query;
  } catch (error) {
    return error.code;
  }
  return undefined;
}

async function connect() {
  const client = new Client(environment());
  await client.connect();
  return client;
}

await run({
  async login() {
    [main, other] = [await connect(), await connect()];
    equal(await value('SELECT current_user'), 'app');
  },

  async parameters() {
    const given = [7, '1099511627776', "it's", true, '12.340', 1.5, [1, 2, 3], { a: 1 }, null];
    const sql = 'SELECT $1::int, $2::bigint, $3::text, $4::bool, $5::numeric, $6::float8, $7::int[], $8::jsonb, $9::int';
    equal((await main.query({ text: sql, values: given, rowMode: 'array' })).rows[0], given);
    equal((await value('SELECT $1::timestamptz', [new Date('2024-02-29T12:00:00Z')])).toISOString(), '2024-02-29T12:00:00.000Z');
  },

  async prepared() {
    const servers = new Set();
    for (let number = 0; number < 100; ++number) {
      const query = { name: 'double', text: 'SELECT $1::int * 2 AS double, name FROM which_server', values: [number] };
      const row = (await main.query(query)).rows[0];
      equal(row.double, number * 2);
      servers.add(row.name);
    }
    equal([...servers].sort(), ['replica1', 'replica2']);
  },

  async rollback() {
    await main.query('BEGIN');
    await main.query('INSERT INTO matrix (id) VALUES ($1)', [1]);
    equal(await value(COUNT), '1');
    await main.query('ROLLBACK');
    equal(await value(COUNT), '0');
    await main.query('BEGIN');
    await main.query('INSERT INTO matrix (id) VALUES ($1)', [2]);
    await main.query('COMMIT');
    equal(await value(COUNT), '1');
  },

  async sqlstate() {
    equal(await stateOf(main.query('INSERT INTO matrix (id) VALUES ($1)', [2])), '23505');
    equal(await stateOf(main.query('SELECT 1 / 0')), '22012');
    equal(await value('SELECT 1'), 1);
  },

  async cancel() {
    const state = stateOf(main.query(SLEEP));
    await until(async () => (await value(SLEEPING, [], other)) === '1', 'the statement runs');
    // pg has no public call; this is the protocol's request with the key that pg was given.
    const canceller = new Client({ ...environment(), ssl: false });
    canceller.connection.once('connect', () => canceller.connection.cancel(main.processID, main.secretKey));
    canceller.connection.on('error', () => {});
    canceller.connection.connect(main.port, main.host);
    equal(await state, '57014');
    equal(await value('SELECT 1'), 1);
  },

  async notice() {
    const seen = new Promise((resolve) => main.once('notice', (message) => resolve(message.message)));
    await main.query(NOTICE);
    equal(await seen, 'a notice: 42');
  },

  async large() {
    const { rows } = await main.query(LARGE);
    equal(rows.reduce((sum, row) => sum + row.repeat.length, 0), 10_000_000);
  },

  async bytea() {
    equal((await value('SELECT $1::bytea', [BYTES])).equals(BYTES), true);
  },

  async unicode() {
    equal(await value('SELECT $1::text', [UNICODE]), UNICODE);
  },

  async notify() {
    const arrived = new Promise((resolve) => main.once('notification', resolve));
    await main.query('LISTEN matrix');
    await other.query("NOTIFY matrix, 'from the other'");
    const { channel, payload } = await arrived;
    equal([channel, payload], ['matrix', 'from the other']);
  },
}, { copy_in: 'pg leaves COPY to another package', copy_out: 'pg leaves COPY to another package' });
await Promise.all([main.end(), other.end()]);
