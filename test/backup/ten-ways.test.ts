// Ten ways to destroy a home: no verb says ok, and the last good snapshot stays and restores.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { madeHome } from "../support/homes.ts";
import { treeState } from "../support/tree.ts";
import { bench } from "./tool.ts";

const catalogOf = (home: string): string => join(home, "agh.db");
const eventsOf = (home: string): string[] =>
  readdirSync(join(home, "sessions"))
    .filter((name) => name.startsWith("sess-"))
    .map((name) => join(home, "sessions", name, "events.db"));

/** What a crash would leave beside a database that is replaced. */
const withoutSidecars = (file: string): void => {
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
};

function inDatabase(file: string, ...statements: readonly string[]): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA foreign_keys=OFF");
  for (const statement of statements) db.exec(statement);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

const WAYS: Readonly<Record<string, (home: string) => void>> = {
  "the catalog is zeros": (home) => {
    withoutSidecars(catalogOf(home));
    writeFileSync(catalogOf(home), Buffer.alloc(statSync(catalogOf(home)).size));
  },
  "the catalog is empty": (home) => {
    withoutSidecars(catalogOf(home));
    truncateSync(catalogOf(home), 0);
  },
  "the catalog is another database": (home) => {
    withoutSidecars(catalogOf(home));
    rmSync(catalogOf(home));
    inDatabase(catalogOf(home), "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  },
  "the catalog has lost its sessions": (home) => inDatabase(catalogOf(home), "DELETE FROM sessions"),
  "the catalog has lost a table": (home) => inDatabase(catalogOf(home), "DROP TABLE sessions"),
  "the catalog's header is damaged": (home) => {
    withoutSidecars(catalogOf(home));
    const bytes = readFileSync(catalogOf(home));
    bytes[5] = 0xff;
    writeFileSync(catalogOf(home), bytes);
  },
  "every events.db is empty": (home) => {
    for (const file of eventsOf(home)) {
      withoutSidecars(file);
      truncateSync(file, 0);
    }
  },
  "every event was deleted": (home) => {
    for (const name of readdirSync(join(home, "sessions")))
      if (name.startsWith("ws")) rmSync(join(home, "sessions", name), { recursive: true });
    for (const file of eventsOf(home)) inDatabase(file, "DELETE FROM events");
  },
  "one events.db is cut in half": (home) => {
    const [file] = eventsOf(home);
    withoutSidecars(file!);
    truncateSync(file!, 4096);
  },
  "one events.db is noise": (home) => {
    const file = eventsOf(home).at(-1)!;
    withoutSidecars(file);
    writeFileSync(file, randomBytes(statSync(file).size));
  },
  "sessions/ is empty": (home) => {
    for (const name of readdirSync(join(home, "sessions"))) rmSync(join(home, "sessions", name), { recursive: true });
  },
  "sessions/ is not there": (home) => rmSync(join(home, "sessions"), { recursive: true }),
  "catalog and sessions are both empty": (home) => {
    for (const name of readdirSync(join(home, "sessions"))) rmSync(join(home, "sessions", name), { recursive: true });
    inDatabase(catalogOf(home), "DELETE FROM sessions");
  },
};

for (const [way, destroy] of Object.entries(WAYS)) {
  test(`${way}: never ok, and the good snapshot stays`, async (t) => {
    const { home } = madeHome(t, { sessions: 3, events: 8 });
    const repo = await bench(t);
    const good = String((await repo.create(home))["id"]);
    await repo.ok("drill", good);
    const sound = join(repo.dir, "sound");
    cpSync(home, sound, { recursive: true, preserveTimestamps: true });
    destroy(home);

    for (const night of [1, 2]) {
      const { code, records } = await repo.run("create", "--home", home, ...(night === 2 ? ["--verify", "full"] : []));
      const summary = records.at(-1)!;
      assert.notEqual(code, 0, `night ${night}`);
      assert.deepEqual([summary["exit"], summary["status"] === "ok"], [code, false]);
      assert.ok(records.some(({ kind, severity }) => kind === "finding" && severity === "error"));
    }
    const { records: listed } = await repo.run("list");
    const states = new Map(listed.map(({ id, state }) => [String(id), String(state)]));
    assert.equal(states.get(good), "good");
    const others = [...states].filter(([id]) => id !== good);
    assert.ok(
      others.length === 2 && others.every(([, state]) => state === "suspect" || state === "bad"),
      JSON.stringify(others),
    );
    const status = await repo.run("status", "--max-age", "26h");
    assert.equal(status.code, 1);
    assert.equal(status.records[0]!["verdict"], "stale");
    assert.notEqual((await repo.run("verify", "latest", "--level", "deep")).code, 0, "verify");
    const drill = await repo.run("drill", "latest");
    assert.equal(drill.code, 1, drill.stdout);
    for (const policy of [
      ["--keep-last", "1"],
      ["--keep-daily", "1"],
      ["--keep-within", "1s"],
    ]) {
      await repo.run("prune", ...policy, "--grace", "1h", "--apply");
    }
    const left = (await repo.run("list")).records.map(({ id }) => id);
    assert.ok(left.includes(good), "the good snapshot is there");
    const to = join(repo.dir, "back");
    await repo.ok("restore", good, "--to", to);
    const contents = (dir: string): unknown =>
      [...treeState(dir)]
        .filter(([path]) => /events\.db$|meta\.json$|ledger\.jsonl$|agh\.db$/.test(path))
        .map(([path, { content }]) => [path, content]);
    assert.deepEqual(contents(to), contents(sound));
  });
}
