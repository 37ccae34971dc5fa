// Processes: the session behind an ACP id, and whether the process runs now.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { run } from "../support/run.ts";

test("ACP ids are mapped to sessions, and selectors select by them", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const { records } = await runHere(tool, ["processes", "--agent", "planner", "--home", real.home]);
  assert.deepEqual(
    records.map(({ session_id, acp_session_id, state }) => [session_id, acp_session_id, state]),
    [
      ["sess-f48622c473104664", "planner-32181-1", "running"],
      ["sess-f43e0132f220db65", "planner-32034-1", "completed"],
      ["sess-fa64bb676803b4f9", "planner-31637-1", "completed"],
    ],
  );
});

test("a process is alive only when its pid runs since the recorded start; a shared ACP id names no session", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 20, ledgers: false });
  const child = spawn("sleep", ["30"]);
  t.after(() => child.kill());
  const db = new DatabaseSync(path.join(home, "agh.db"));
  db.exec("DELETE FROM tool_processes");
  const insert = db.prepare(
    `INSERT INTO tool_processes (id, source, session_id, pid, started_at, state, created_at, updated_at)
     VALUES (?, 'acp_agent', 'nobody', ?, ?, 'running', ?, ?)`,
  );
  const now = new Date().toISOString();
  const long_ago = "2026-01-01T00:00:00.000000000Z";
  insert.run("proc_a", child.pid!, now, now, "2026-11-21T00:00:03.000000000Z");
  insert.run("proc_b", child.pid!, long_ago, now, "2026-11-21T00:00:02.000000000Z");
  db.close();
  const { records } = await run("inspect", ["processes", "--home", home]);
  assert.deepEqual(
    records.map(({ id, alive, session_id }) => [id, alive, session_id]),
    [
      ["proc_a", true, null],
      ["proc_b", false, null],
    ],
  );
});
