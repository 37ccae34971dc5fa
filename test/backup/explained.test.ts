// What leaves a home on purpose is no loss: retired, purged, deleted by the runtime itself. And what only looks like it is one.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as backupTool } from "../../bin/agh-backup.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { tool as vacuumTool } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import { madeProject } from "../support/agdd.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { madeAgsh, text, user, uuid } from "../sources/agsh/make-databases.ts";

const NOW = "2026-11-21T09:00:00Z";

interface Nights {
  readonly home: string;
  /** Runs a tool over the home; it must be well. */
  ok(tool: Tool, ...argv: string[]): Promise<Ran>;
  /** The same without `--home`. */
  okAlone(tool: Tool, ...argv: string[]): Promise<Ran>;
  /** A backup that must be ok, and no suspicion. */
  quiet(what: string): Promise<void>;
  /** A backup that must find a loss. */
  loud(what: string, code: string): Promise<void>;
}

async function nights(t: TestContext, home: string): Promise<Nights> {
  const repo = join(tempDir(t, "repo"), "r");
  const run = (tool: Tool, argv: readonly string[]): Promise<Ran> => runHere(tool, [...argv, "--now", NOW]);
  const ok = async (tool: Tool, ...argv: string[]): Promise<Ran> => {
    const ran = await run(tool, argv);
    assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}${ran.stdout}`);
    return ran;
  };
  const create = (): Promise<Ran> => run(backupTool, ["create", "--home", home, "--repo", repo]);
  const quiet = async (what: string): Promise<void> => {
    const { code, records, stderr } = await create();
    const found = records.filter(({ kind }) => kind === "finding").map(({ code: of, message }) => [of, message]);
    assert.deepEqual([code, found, records[0]!["state"]], [0, [], "unproven"], `${what}: ${stderr}`);
  };
  await ok(backupTool, "init", "--repo", repo);
  await sleep(30); // longer than the kernel's tick, so that nothing counts as fresh
  await quiet("the first night");
  return {
    home,
    okAlone: ok,
    ok: (tool, ...argv) => ok(tool, ...argv, "--home", home),
    quiet,
    loud: async (what, code) => {
      const { code: exit, records } = await create();
      const codes = records.filter(({ kind }) => kind === "finding").map((finding) => finding["code"]);
      assert.deepEqual([exit, records[0]!["state"]], [3, "suspect"], what);
      assert.ok(codes.includes(code), `${what}: ${codes.join()}`);
    },
  };
}

const change = (file: string, ...statements: readonly string[]): void => {
  const db = new DatabaseSync(file);
  for (const statement of statements) db.exec(statement);
  db.close();
};

test("AGH: retired, trashed, brought back, purged, compacted: every night is ok; then one silent loss, every night", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 12, events: 10 });
  const { ok, okAlone, quiet, loud } = await nights(t, home);
  await ok(archiveTool, "put", ids[0]!, ids[1]!);
  await ok(vacuumTool, "sessions", ids[0]!, "--require", "archived", "--apply");
  await quiet("retired with an archive");
  await ok(ledgerTool, "seal", "--all");
  await ok(vacuumTool, "sessions", ids[2]!, ids[3]!, "--require", "sealed", "--apply");
  await quiet("moved to the trash");
  await ok(vacuumTool, "trash", "restore", ids[2]!);
  await quiet("brought back");
  await ok(vacuumTool, "trash", "empty", "--apply");
  await quiet("the trash emptied");
  await okAlone(archiveTool, "get", ids[0]!, "--to", home);
  await quiet("brought back from the archive");
  await ok(vacuumTool, "events", ids[4]!, ids[5]!, "--apply");
  await quiet("purged");
  await ok(vacuumTool, "compact", "--apply");
  await quiet("compacted");
  rmSync(join(home, "sessions", ids[6]!), { recursive: true });
  await quiet("deleted by AGH: its directory");
  change(join(home, "agh.db"), `UPDATE sessions SET state='orphaned' WHERE id='${ids[6]}'`);
  await quiet("deleted by AGH, and its daemon has started since");
  mkdirSync(join(home, "session-archive"), { recursive: true });
  renameSync(join(home, "sessions", ids[7]!), join(home, "session-archive", ids[7]!));
  await quiet("moved to session-archive by hand");
  // A session that lives again is not explained by its old tombstone.
  rmSync(join(home, "sessions", ids[2]!), { recursive: true });
  for (const partition of readdirSync(join(home, "sessions")))
    rmSync(join(home, "sessions", partition, ids[2]!), { recursive: true, force: true });
  for (const night of [1, 2, 3]) await loud(`a silent loss, night ${night}`, "SESSION_LOST");
});

test("AGH: a conversation that was cleared has a new database; one that only looks so is destroyed", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 4, events: 10 });
  const { quiet, loud } = await nights(t, home);
  const begin = (id: string): void =>
    change(
      join(home, "sessions", id, "events.db"),
      "DELETE FROM events WHERE sequence > 2",
      "UPDATE events SET id = 'ev-cleared' || sequence",
      `UPDATE schema_migrations SET applied_at = '2026-11-21T08:30:00.000000000Z'`,
    );
  const ledgerDir = (id: string): string =>
    readdirSync(join(home, "sessions"))
      .map((partition) => join(home, "sessions", partition, id))
      .find((path) => existsSync(join(path, "ledger.jsonl")))!;
  begin(ids[0]!);
  rmSync(ledgerDir(ids[0]!), { recursive: true });
  mkdirSync(join(home, "logs"), { recursive: true });
  const line = {
    time: "2026-11-21T08:30:01.5Z",
    level: "INFO",
    msg: "session.clear.restart_complete",
    session_id: ids[0],
  };
  appendFileSync(join(home, "logs/agh.log"), `${JSON.stringify(line)}\n`);
  await quiet("cleared");
  begin(ids[1]!);
  rmSync(ledgerDir(ids[1]!), { recursive: true });
  await loud("begun anew without a word", "DATABASE_DESTROYED");
});

test("agsh: retired, trashed, deleted, compacted, expired: every night is ok; then half of them at once", async (t) => {
  const at = (day: number): string => `2026-11-${String(day).padStart(2, "0")}T00:00:00.000000001+00:00`;
  const sessions = Array.from({ length: 16 }, (_, n) => ({
    id: uuid(n + 1),
    // The first two are as old as retention allows.
    updatedAt: n < 2 ? `2026-0${n + 5}-01T00:00:00.000000001+00:00` : at(n + 1),
    messages: [user(`question ${n}`), text("answer"), user("more"), text("an answer")],
  }));
  const { home, file } = madeAgsh(t, { sessions });
  const { ok, quiet, loud } = await nights(t, home);
  const remove = (...ids: string[]): void =>
    change(
      file,
      ...ids.flatMap((id) => [
        `DELETE FROM messages WHERE session_id='${id}'`,
        `DELETE FROM sessions WHERE id='${id}'`,
      ]),
    );
  remove(uuid(1), uuid(2));
  await quiet("expired");
  const archive = tempDir(t, "archive");
  await ok(vacuumTool, "sessions", "--max-sessions", "13", "--apply");
  await quiet("moved to the trash");
  await ok(vacuumTool, "trash", "restore", uuid(3));
  await quiet("brought back");
  await ok(vacuumTool, "trash", "empty", "--apply");
  await quiet("the trash emptied");
  await ok(archiveTool, "put", uuid(5), "--to", archive);
  await ok(vacuumTool, "sessions", uuid(5), "--archive", archive, "--apply");
  await quiet("retired with an archive");
  remove(uuid(6));
  await quiet("one deleted");
  change(
    file,
    `DELETE FROM messages WHERE session_id='${uuid(7)}'`,
    `INSERT INTO messages (session_id, role, content, created_at)
     VALUES ('${uuid(7)}', 'user', '[Conversation summary from session compaction]' || char(10, 10) || 'all', '${at(20)}')`,
  );
  await quiet("compacted to a summary");
  remove(...Array.from({ length: 7 }, (_, n) => uuid(n + 10)));
  for (const night of [1, 2]) await loud(`half of them deleted, night ${night}`, "SESSION_LOST");
});

test("AGDD: retired, trashed, removed by its own vacuum: every night is ok; then a run in the middle", async (t) => {
  const { root, storage } = madeProject(t, { runs: 20, events: 4, fts: false, until: "2026-11-20T12:00:00Z" });
  const { ok, quiet, loud } = await nights(t, root);
  const ids = (order: string): string[] => {
    const db = new DatabaseSync(storage);
    const rows = db.prepare(`SELECT run_id FROM runs ORDER BY ${order}`).all();
    db.close();
    return rows.map((row) => String(row["run_id"]));
  };
  const [first] = ids("started_at");
  await ok(vacuumTool, "runs", "--hot-days", "1", "--apply");
  await quiet("moved to the trash");
  await ok(vacuumTool, "trash", "restore", first!);
  await quiet("brought back");
  change(storage, "PRAGMA foreign_keys=ON", "DELETE FROM runs WHERE started_at < '2026-11-20T00:00:00'", "VACUUM");
  await quiet("removed by AGDD's vacuum");
  const [, middle] = ids("started_at");
  change(storage, "PRAGMA foreign_keys=ON", `DELETE FROM runs WHERE run_id='${middle}'`);
  for (const night of [1, 2]) await loud(`a run in the middle, night ${night}`, "SESSION_LOST");
  writeFileSync(join(root, "unrelated"), "");
});
