// A month of real life on three homes in one repository: every night is ok and fresh, until something is lost without a word.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as backupTool } from "../../bin/agh-backup.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { tool as vacuumTool } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import { madeProject, putRuns } from "../support/agdd.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { strength } from "../support/strength.ts";
import { tempDir } from "../support/temp.ts";
import { madeAgsh, text, user, uuid } from "../sources/agsh/make-databases.ts";

/** A night with something to do, and what is done before the backup of that night. */
type Month = Readonly<Record<number, () => Promise<unknown> | void>>;

interface Life {
  readonly home: string;
  readonly month: Month;
  /** Something is lost, and nothing says so. */
  lose(): void;
}

const NIGHTS = 30;
const FIRST = Date.parse("2026-11-22T02:00:00Z");
const timeOf = (night: number): string => new Date(FIRST + (night - 1) * 86_400_000).toISOString();

const change = (file: string, ...statements: readonly string[]): void => {
  const db = new DatabaseSync(file);
  for (const statement of statements) db.exec(statement);
  db.close();
};

async function ok(tool: Tool, ...argv: string[]): Promise<Ran> {
  const ran = await runHere(tool, argv);
  assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}${ran.stdout}`);
  return ran;
}

/** Every night that has something to do, and of the others as many as the strength of the run asks for. */
const nightsOf = (month: Month): number[] => {
  const others = strength("nights", 0);
  return Array.from({ length: NIGHTS }, (_, at) => at + 1).filter(
    (night) => month[night] || night <= others || night < 3,
  );
};

async function live(t: TestContext, { home, month, lose }: Life): Promise<void> {
  const repo = join(tempDir(t, "repo"), "r");
  await ok(backupTool, "init", "--repo", repo);
  const create = (night: number): Promise<Ran> =>
    runHere(backupTool, ["create", "--home", home, "--repo", repo, "--now", timeOf(night)]);
  const status = (night: number): Promise<Ran> =>
    runHere(backupTool, ["status", "--repo", repo, "--max-age", "26h", "--now", timeOf(night)]);
  for (const night of nightsOf(month)) {
    await month[night]?.();
    const made = await create(night);
    const found = made.records.filter(({ kind }) => kind === "finding").map(({ code, message }) => [code, message]);
    assert.deepEqual([made.code, found], [0, []], `night ${night}: ${made.stderr}`);
    const { code, records, stdout } = await status(night);
    assert.deepEqual([code, records[0]!["verdict"]], [0, "fresh"], `night ${night}: ${stdout}`);
  }
  await ok(backupTool, "drill", "latest", "--repo", repo, "--now", timeOf(NIGHTS));
  lose();
  for (const night of [NIGHTS + 1, NIGHTS + 2, NIGHTS + 3]) {
    const made = await create(night);
    assert.equal(made.code, 3, `night ${night}`);
    assert.equal(made.records[0]!["state"], "suspect");
    assert.equal((await status(night)).code, 1);
  }
}

test("AGH: sessions retired, events purged, a session deleted by the daemon, a workspace removed", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 12, events: 10 });
  const at = ["--home", home];
  const catalog = join(home, "agh.db");
  const project = join(home, "../project");
  const addProject = (): void => {
    mkdirSync(join(project, ".agh/agents/mine"), { recursive: true });
    writeFileSync(join(project, ".agh/agents/mine/AGENT.md"), "---\nname: mine\n---\n");
    change(
      catalog,
      "CREATE TEMP TABLE w AS SELECT * FROM workspaces LIMIT 1",
      `UPDATE w SET id='ws_project', name='project', root_dir='${project}'`,
      "INSERT INTO workspaces SELECT * FROM w",
    );
  };
  const removeProject = (): void => {
    change(catalog, "DELETE FROM workspaces WHERE id='ws_project'");
    rmSync(project, { recursive: true });
  };
  await live(t, {
    home,
    month: {
      2: addProject,
      3: () => ok(archiveTool, "put", ids[0]!, ids[1]!, ...at),
      4: () => ok(vacuumTool, "sessions", ids[0]!, "--require", "archived", "--apply", ...at),
      6: () => ok(ledgerTool, "seal", "--all", ...at),
      7: () => ok(vacuumTool, "sessions", ids[2]!, ids[3]!, "--require", "sealed", "--apply", ...at),
      9: () => ok(vacuumTool, "trash", "restore", ids[2]!, ...at),
      11: () => ok(vacuumTool, "trash", "empty", "--apply", "--now", timeOf(60), ...at),
      13: () => ok(vacuumTool, "events", ids[4]!, ids[5]!, "--apply", "--now", timeOf(13), ...at),
      15: () => ok(vacuumTool, "compact", "--apply", ...at),
      17: () => rmSync(join(home, "sessions", ids[6]!), { recursive: true }),
      18: () => change(catalog, `UPDATE sessions SET state='orphaned' WHERE id='${ids[6]}'`),
      20: () => change(catalog, "DELETE FROM event_summaries", "DELETE FROM token_stats", "DELETE FROM permission_log"),
      22: removeProject,
      24: async () => void (await ok(archiveTool, "get", ids[0]!, "--to", home)),
    },
    lose: () => truncateSync(join(home, "sessions", ids[8]!, "events.db"), 0),
  });
});

test("agsh: sessions added, expired, deleted, compacted, retired", async (t) => {
  const stamp = (day: number): string => `2026-11-${String(day).padStart(2, "0")}T00:00:00.000000001+00:00`;
  const sessions = Array.from({ length: 16 }, (_, n) => ({
    id: uuid(n + 1),
    updatedAt: n < 2 ? `2026-0${n + 5}-01T00:00:00.000000001+00:00` : stamp(n + 1),
    messages: [user(`question ${n}`), text("answer"), user("more"), text("an answer")],
  }));
  const { home, file } = madeAgsh(t, { sessions });
  const archive = tempDir(t, "archive");
  const at = ["--home", home];
  const remove = (...removed: string[]): void =>
    change(
      file,
      ...removed.flatMap((id) => [
        `DELETE FROM messages WHERE session_id='${id}'`,
        `DELETE FROM sessions WHERE id='${id}'`,
      ]),
    );
  const add = (n: number, day: number): void =>
    change(
      file,
      `INSERT INTO sessions (id, created_at, updated_at) VALUES ('${uuid(n)}', '${stamp(day)}', '${stamp(day)}')`,
      `INSERT INTO messages (session_id, role, content, created_at)
       SELECT '${uuid(n)}', role, content, '${stamp(day)}' FROM messages WHERE session_id='${uuid(15)}'`,
    );
  await live(t, {
    home,
    month: {
      3: () => add(40, 22),
      5: () => remove(uuid(1), uuid(2)),
      8: async () => void (await ok(archiveTool, "put", uuid(5), "--to", archive, ...at)),
      9: () => ok(vacuumTool, "sessions", uuid(5), "--archive", archive, "--apply", ...at),
      12: () => remove(uuid(6)),
      15: () =>
        change(
          file,
          `DELETE FROM messages WHERE session_id='${uuid(7)}'`,
          `INSERT INTO messages (session_id, role, content, created_at) VALUES
           ('${uuid(7)}', 'user', '[Conversation summary from session compaction]' || char(10, 10) || 'all', '${stamp(29)}')`,
        ),
      19: () => add(41, 30),
    },
    lose: () => change(file, `DELETE FROM messages WHERE session_id='${uuid(12)}' AND role='user'`),
  });
});

test("AGDD: runs added, removed by its own vacuum and by ours", async (t) => {
  const { root, storage } = madeProject(t, { runs: 40, events: 4, fts: false, until: "2026-11-21T12:00:00Z" });
  const sweep = (before: string): void =>
    change(storage, "PRAGMA foreign_keys=ON", `DELETE FROM runs WHERE started_at < '${before}'`, "VACUUM");
  await live(t, {
    home: root,
    month: {
      3: () => putRuns(root, [{ id: "run-new", started: "2026-11-24T01:00:00Z", events: ["2026-11-24T01:00:01Z"] }]),
      6: () => ok(vacuumTool, "runs", "--hot-days", "6", "--apply", "--home", root, "--now", timeOf(6)),
      9: () => ok(vacuumTool, "trash", "empty", "--apply", "--home", root, "--now", timeOf(60)),
      12: () => sweep("2026-11-21T00:00:00"),
    },
    lose: () => change(storage, "DELETE FROM events WHERE run_id='run-new'"),
  });
});
