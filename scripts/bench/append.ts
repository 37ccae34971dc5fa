// append HOME READY RATE: commits events to the newest session's database as a live AGH would; READY is there while it runs.
import { DatabaseSync } from "node:sqlite";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [home, ready, rate] = process.argv.slice(2) as [string, string, string];
const TICK_MS = 5;

const abort = new AbortController();
process.once("SIGTERM", () => abort.abort());
const catalog = new DatabaseSync(path.join(home, "agh.db"));
catalog.exec("PRAGMA journal_mode = WAL; SELECT count(*) FROM sessions");
const session = fs
  .readdirSync(path.join(home, "sessions"))
  .filter((it) => it.startsWith("sess-"))
  .sort()
  .at(-1)!;
const db = new DatabaseSync(path.join(home, "sessions", session, "events.db"));
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
const { high } = db.prepare("SELECT max(sequence) AS high FROM events").get() as { high: number };
const insert = db.prepare(
  `INSERT INTO events SELECT 'bench-' || ?, ?, turn_id, type, agent_name, content, timestamp FROM events WHERE sequence = ?`,
);
fs.writeFileSync(ready, String(process.pid));

const began = performance.now();
for (let written = 0; !abort.signal.aborted; await sleep(TICK_MS)) {
  const due = Math.floor(((performance.now() - began) / 1000) * Number(rate));
  for (; written < due; written++) insert.run(high + 1 + written, high + 1 + written, 1 + (written % high));
}
// As a killed one leaves it: what it wrote stays in the WAL, and the next run begins with the same main file.
fs.rmSync(ready);
process.kill(process.pid, "SIGKILL");
