// Parquet that two other readers read: the same counts, sums and types as the databases, and nothing twice.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { crashPoints } from "../support/crash.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { queryCopy } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { archived } from "./bench.ts";

const SUMS =
  "count(*) AS rows, sum(sequence) AS sequences, sum(total_tokens) AS tokens, sum(input_tokens) AS input, sum(cost) AS cost";

async function duck(target: string, sql: string): Promise<Record<string, unknown>[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const from = `read_parquet('${target}/runtime=*/day=*/*.parquet', hive_partitioning = true)`;
  const result = await connection.runAndReadAll(sql.replace("EVENTS", from));
  return result.getRowObjectsJson() as Record<string, unknown>[];
}

async function second(target: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const name of fs
    .readdirSync(target, { recursive: true, encoding: "utf8" })
    .filter((it) => it.endsWith(".parquet"))) {
    const file = await asyncBufferFromFile(path.join(target, name));
    const compressors = { ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdDecompressSync(bytes)) };
    rows.push(...(await parquetReadObjects({ file, compressors })));
  }
  return rows;
}

interface Sums {
  rows: number;
  sequences: number;
  tokens: number;
}

function sumsOf(home: string): Sums {
  const sums = { rows: 0, sequences: 0, tokens: 0 };
  for (const id of fs.readdirSync(path.join(home, "sessions")).filter((name) => name.startsWith("sess-"))) {
    const sql =
      "SELECT count(*) AS rows, sum(sequence) AS sequences, coalesce(sum(content ->> '$.usage.TotalTokens'), 0) AS tokens FROM events";
    const [row] = queryCopy(path.join(home, "sessions", id, "events.db"), sql) as unknown as [Sums];
    for (const key of ["rows", "sequences", "tokens"] as const) sums[key] += Number(row[key]);
  }
  return sums;
}

for (const name of ["agh-clean", "agh-killed"]) {
  test(`${name}: DuckDB and a second reader see the events of the databases`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const target = path.join(tempDir(t), "lake");
    await archived("export", "--all", "--home", real.home, "--to", target);
    const expected = sumsOf(real.home);
    const [row] = await duck(target, `SELECT ${SUMS} FROM EVENTS`);
    assert.deepEqual(
      [Number(row!["rows"]), Number(row!["sequences"]), Number(row!["tokens"])],
      [expected.rows, expected.sequences, expected.tokens],
    );
    const rows = await second(target);
    const sum = (key: string): number => rows.reduce((total, it) => total + Number(it[key] ?? 0), 0);
    assert.deepEqual(
      [rows.length, sum("sequence"), sum("total_tokens"), sum("cost")],
      [expected.rows, expected.sequences, expected.tokens, Number(row!["cost"])],
    );
    const types = await duck(
      target,
      "SELECT typeof(sequence) AS s, typeof(total_tokens) AS t, typeof(cost) AS c, typeof(session_id) AS i, typeof(ts) AS w FROM EVENTS LIMIT 1",
    );
    assert.deepEqual(types, [{ s: "BIGINT", t: "BIGINT", c: "DOUBLE", i: "VARCHAR", w: "TIMESTAMP WITH TIME ZONE" }]);
  });
}

test("a second run adds only what is new, and the same run makes the same bytes", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3 });
  const [target, other] = [path.join(tempDir(t), "one"), path.join(tempDir(t), "two")];
  await archived("export", "--all", "--home", home, "--to", target);
  await archived("export", "--all", "--home", home, "--to", other);
  assert.equal(treeDigest(target, ["content"]), treeDigest(other, ["content"]));
  const before = treeDigest(target);
  const again = await archived("export", "--all", "--home", home, "--to", target);
  assert.deepEqual([again.records.at(-1)!["rows"], again.records.at(-1)!["bytes"]], [0, 0]);
  assert.equal(treeDigest(target), before);
  const db = new DatabaseSync(path.join(home, "sessions", ids[0]!, "events.db"));
  db.exec(
    "INSERT INTO events SELECT 'ev-new', max(sequence) + 1, turn_id, type, agent_name, content, timestamp FROM events",
  );
  db.close();
  const more = await archived("export", "--all", "--home", home, "--to", target);
  assert.equal(more.records.at(-1)!["rows"], 1);
  const [row] = await duck(target, "SELECT count(*) AS n, count(DISTINCT session_id || sequence) AS d FROM EVENTS");
  assert.equal(row!["n"], row!["d"]);
});

test("values that fit no column are in _raw, and counted", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 10 });
  const db = new DatabaseSync(path.join(home, "sessions", ids[0]!, "events.db"));
  db.exec(
    "UPDATE events SET timestamp = 'yesterday' WHERE sequence = 2; UPDATE events SET content = x'00ff' WHERE sequence = 3",
  );
  db.exec(
    'UPDATE events SET type = \'usage\', content = \'{"usage":{"TotalTokens":1.5,"InputTokens":7}}\' WHERE sequence = 4',
  );
  db.exec(
    "UPDATE events SET timestamp = '9999-12-31T00:00:00.000000000Z' WHERE sequence = 5; UPDATE events SET content = 'no json' WHERE sequence = 6",
  );
  db.close();
  const target = path.join(tempDir(t), "lake");
  const ran = await archived("export", "--all", "--home", home, "--to", target);
  assert.deepEqual([ran.records.at(-1)!["rows"], ran.records.at(-1)!["odd"]], [10, 4]);
  const rows = (await second(target)).sort((a, b) => Number(a["sequence"]) - Number(b["sequence"]));
  const raw = (sequence: number): unknown => JSON.parse(String(rows[sequence - 1]!["_raw"]));
  assert.deepEqual(raw(2), { timestamp: "yesterday" });
  assert.deepEqual(raw(3), { content: { $base64: "AP8=" } });
  assert.deepEqual([raw(4), rows[3]!["input_tokens"]], [{ "usage.TotalTokens": 1.5 }, 7n]);
  assert.deepEqual([raw(5), rows[5]!["content"]], [{ timestamp: "9999-12-31T00:00:00.000000000Z" }, "no json"]);
});

test("every row is the database's, whatever its texts: over several row groups, with and without a dictionary", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 3000 });
  const file = path.join(home, "sessions", ids[0]!, "events.db");
  const db = new DatabaseSync(file);
  db.exec(
    `UPDATE events SET agent_name = 'ägent 🚀 ' || sequence WHERE sequence % 3 = 0; UPDATE events SET agent_name = '' WHERE sequence % 7 = 0;
     UPDATE events SET turn_id = '\uFF5E' WHERE sequence % 11 < 9; UPDATE events SET type = '🚀' WHERE sequence % 50 = 0;
     UPDATE events SET timestamp = '2026-01-02T03:04:05Z';
     UPDATE events SET content = json_object('text', printf('%.*c', sequence * 3, 'é')) WHERE sequence % 2 = 0;`,
  );
  const sql =
    "SELECT id AS event_id, sequence, turn_id, type, agent_name AS agent, content FROM events ORDER BY sequence";
  const expected = db.prepare(sql).all() as Record<string, unknown>[];
  db.close();
  const target = path.join(tempDir(t), "lake");
  await archived("export", "--all", "--home", home, "--to", target);
  const rows = (await second(target)).sort((a, b) => Number(a["sequence"]) - Number(b["sequence"]));
  const columns = ["event_id", "turn_id", "type", "agent", "content"];
  const picked = (it: Record<string, unknown>): unknown[] => [Number(it["sequence"]), ...columns.map((key) => it[key])];
  assert.deepEqual(rows.map(picked), expected.map(picked));
  const [meta] = await duck(
    target,
    "SELECT count(*) AS n, count(DISTINCT agent) AS agents, count(*) FILTER (type = '🚀') AS rockets FROM EVENTS",
  );
  const agents = new Set(expected.map(({ agent }) => agent)).size;
  const rockets = expected.filter(({ type }) => type === "🚀").length;
  assert.deepEqual([Number(meta!["n"]), Number(meta!["agents"]), Number(meta!["rockets"])], [3000, agents, rockets]);
});

test("export killed at any call ends, when it is run again, with every event once", async () => {
  const outcome = await crashPoints({
    command: path.join(PROJECT, "bin/agh-archive.ts"),
    args: (dir) => ["export", "--all", "--home", path.join(dir, ".agh"), "--to", path.join(dir, "lake")],
    prepare: (dir) => void makeHome(path.join(dir, ".agh"), { sessions: 2, events: 10 }),
    check: () => undefined,
    complete: async (dir, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      const rows = await second(path.join(dir, "lake"));
      assert.equal(new Set(rows.map((it) => `${String(it["session_id"])} ${String(it["sequence"])}`)).size, 20);
      assert.equal(rows.length, 20);
    },
    points: 20,
  });
  assert.ok(outcome.killed > 5);
});
