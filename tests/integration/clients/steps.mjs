// What node's programs of the client matrix share; steps.py says what is printed.

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, inspect } from 'node:util';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export const words = {
  BYTES: Buffer.from(Array.from({ length: 10240 }, (_, i) => i % 256)),
  COPY_IN: 'COPY matrix (id, note) FROM STDIN',
  COPY_OUT: "COPY (SELECT n, 'line ' || n FROM generate_series(1000, 1999) n) TO STDOUT",
  COUNT: '/* pgweir: primary */ SELECT count(*) FROM matrix', // a replica may be a moment behind
  LARGE: "SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n",
  LINES: Array.from({ length: 1000 }, (_, i) => `${i + 1000}\tline ${i + 1000}\n`).join(''),
  NOTICE: "DO $$ BEGIN RAISE NOTICE 'a notice: %', 6 * 7; END $$",
  SLEEP: '/* pgweir: primary */ SELECT pg_sleep(60)',
  SLEEPING: "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '% pg_sleep(60)'",
  UNICODE: 'žluťoučký kůň, 漢字, العربية, 🐘',
};

/** Imports a package from where the test has installed it. */
export const load = (name) => import(pathToFileURL(createRequire(`${process.env.MATRIX_MODULES}/`).resolve(name)));

/** What libpq takes from PGSSLMODE and PGSSLROOTCERT, in node's words. */
export function environment() {
  const { PGHOST: host, PGPORT: port, PGUSER: user, PGPASSWORD: password, PGDATABASE: database } = process.env;
  const encrypted = process.env.PGSSLMODE !== 'disable';
  const ssl = encrypted && { ca: readFileSync(process.env.PGSSLROOTCERT), rejectUnauthorized: true };
  return { host, port: Number(port), user, password, database, ssl };
}

export function equal(seen, wanted) {
  if (!isDeepStrictEqual(seen, wanted)) throw new Error(`${inspect(seen)} instead of ${inspect(wanted)}`.slice(0, 600));
}

export async function until(condition, what) {
  for (const limit = Date.now() + 30_000; !(await condition());) {
    if (Date.now() > limit) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function run(steps, lacks = {}) {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
    } catch (error) {
      console.log(`FAILED ${name}: ${String(error.stack).replaceAll('\n', ' ')}`);
      process.exit(1);
    }
    console.log(`ok ${name}`);
  }
  for (const [name, why] of Object.entries(lacks)) console.log(`lacks ${name}: ${why}`);
}
