// agh-inspect events --follow over AGDD: each event of the runs that are followed once, beside a writer that is restarted.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeProject } from "../support/agdd.ts";
import { runHere } from "../support/memory.ts";

/** Writes to two runs by turns, as AGDD does: autocommit, WAL. */
const WRITER = `
  import { DatabaseSync } from "node:sqlite";
  const [file, count] = process.argv.slice(1);
  const db = new DatabaseSync(file);
  db.exec("PRAGMA foreign_keys=ON; PRAGMA journal_mode=WAL");
  const insert = db.prepare("INSERT INTO events (ts, run_id, agent_slug, type, msg) VALUES ('2026-11-21T00:00:00+00:00', ?, 'a', 'log', 'x')");
  for (let at = 0; at < Number(count); at++) {
    insert.run("mag-0000000" + (at % 2));
    await new Promise((done) => setTimeout(done, 5));
  }
  db.close();
`;

async function write(file: string, count: number): Promise<void> {
  const argv = ["--input-type=module", "-e", WRITER, file, String(count)];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0, "the writer was disturbed");
}

test("each event once, in order, over a restart of the writer; ends when nothing comes", async (t) => {
  const { root, storage } = madeProject(t, { runs: 2, events: 20 });
  const argv = ["events", "mag-00000001", "--after-seq", "18", "--follow", "--idle-exit", "5s", "--home", root];
  const following = runHere(tool, argv, { env: { HOME: "/nowhere" } });
  await write(storage, 80);
  await write(storage, 40);
  const { code, records, stderr } = await following;
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    records.map(({ sequence }) => sequence),
    Array.from({ length: 62 }, (_, index) => index + 19),
  );
  assert.ok(records.every(({ session_id }) => session_id === "mag-00000001"));
});
