// agh-inspect events --follow: each event once, beside a live writer that is restarted.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

/** Writes as AGH does: WAL, no automatic checkpoint, one transaction an event. */
const WRITER = `
  import { DatabaseSync } from "node:sqlite";
  const [file, from, to] = process.argv.slice(1);
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
  const insert = db.prepare("INSERT INTO events VALUES (?, ?, 'turn-1', 'agent_message', 'coder', '{}', '2026-11-21T00:00:00.000000000Z')");
  for (let at = Number(from); at <= Number(to); at++) {
    insert.run("ev-new-" + at, at);
    await new Promise((done) => setTimeout(done, 5));
  }
  db.close();
`;

async function write(file: string, from: number, to: number): Promise<void> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", WRITER, file, String(from), String(to)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0, "the writer was disturbed");
}

test("each event once, in order, over a restart of the writer; ends when nothing comes", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 20 });
  const file = join(home, "sessions", ids[0]!, "events.db");
  const following = runHere(tool, [
    "events",
    ids[0]!,
    "--after-seq",
    "18",
    "--follow",
    "--idle-exit",
    "5s",
    "--home",
    home,
  ]);
  await write(file, 21, 60);
  await write(file, 61, 100);
  const { code, records, stderr } = await following;
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    records.map((event) => event["sequence"]),
    Array.from({ length: 82 }, (_, index) => index + 19),
  );
});

test("a signal ends it, with what was there printed", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 5 });
  const face = join(PROJECT, "bin/agh-inspect.ts");
  const child = spawn(process.execPath, [face, "events", ids[0]!, "-f", "--home", home], { stdio: "pipe" });
  const closed = once(child, "close");
  let [out, err] = ["", ""];
  child.stderr.on("data", (data) => (err += String(data)));
  child.stdout.on("data", (data) => {
    if (lines((out += String(data))) === 5) child.kill("SIGTERM");
  });
  assert.deepEqual(await closed, [null, "SIGTERM"]);
  assert.equal(lines(out), 5);
  assert.equal(err, "");
});

const lines = (text: string): number => text.split("\n").length - 1;
