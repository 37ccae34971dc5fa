// What the tests of purges and compactions share: all that readers say of a home, and what a session's database holds.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Ran } from "../support/memory.ts";
import { inspect, reconcile, sessionDirs, summaryOf } from "./world.ts";
import { dumpDatabase, type Dump } from "../support/sqlite-dump.ts";

/** Verbs over a whole home; those over one session come after them. */
const VERBS = [
  ["sessions", "--sort", "last-event"],
  ["usage", "--by", "session,day,model"],
  ["tools"],
  ["permissions"],
  ["hooks"],
  ["processes"],
  ["workspaces"],
  ["vault"],
  ["failures"],
  ["events", "--all"],
  ["search", "the"],
];
const OF_ONE = [
  ["turns"],
  ["events"],
  ["events", "--tail", "3"],
  ["events", "--after-seq", "2", "--type", "done,tool_call"],
  ["show"],
];

/** What a purge or a compaction may change in a record. */
const MAY_DIFFER = /"(?:size|mtime|events_bytes|effective|state_from)":(?:"[^"]*"|\d+),?/g;

/** A WAL that was folded in is no path any more. */
const SIDECAR = /^\{"kind":"path",[^}]*"path":"[^"]*\.db-(?:wal|shm)"/;

/** Every record of agh-inspect but those of `table`, sizes and their like left out; and what AGH's next start would do. */
export async function readerOutput(home: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const record = async (args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await inspect(args, home);
    assert.ok([0, 1, 3].includes(code), `${args.join(" ")}: ${stderr}`);
    const lines = stdout.split("\n").filter((line) => !SIDECAR.test(line));
    found.set(args.join(" "), `${code} ${stderr} ${lines.join("\n").replaceAll(MAY_DIFFER, "")}`);
  };
  for (const args of VERBS) await record(args);
  for (const id of sessionDirs(home)) for (const [verb, ...rest] of OF_ONE) await record([verb!, id, ...rest]);
  const boot = await reconcile(["boot"], home);
  found.set("boot", boot.stdout.split("\n")[0]!);
  return found;
}

export function assertSameOutput(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  for (const [args, text] of before) assert.equal(after.get(args), text, args);
}

export const eventsFile = (home: string, id: string): string => path.join(home, "sessions", id, "events.db");

/** Without the events, whose rows may have gone. */
export function keptIn(home: string, id: string): Omit<Dump, "digest"> {
  const { tables, schema, integrity } = dumpDatabase(eventsFile(home, id));
  const { events: _, ...kept } = tables;
  return { tables: kept, schema, integrity };
}

export const rowsIn = (home: string, id: string): number => dumpDatabase(eventsFile(home, id)).tables["events"]!.rows;

/** Nothing is left of a run in the toolkit's own directory, and no sidecar beside a session's database. */
export function assertTidy(home: string): void {
  const journals = path.join(home, ".agh-toolkit/journal");
  assert.deepEqual(fs.existsSync(journals) ? fs.readdirSync(journals) : [], []);
  for (const id of sessionDirs(home)) {
    const names = fs
      .readdirSync(path.join(home, "sessions", id))
      .filter((name) => /^events\.db.|agh-toolkit/.test(name));
    assert.deepEqual(names, [], id);
  }
}

export function change(file: string, ...sql: readonly string[]): void {
  const db = new DatabaseSync(file);
  for (const one of sql) db.exec(one);
  db.close();
}

/** Why sessions stay, by id, as the summary tells it. */
export const leftIn = (ran: Ran): Record<string, string> =>
  Object.fromEntries(
    ((summaryOf(ran)["left"] ?? []) as { id: string; reason: string }[]).map(({ id, reason }) => [id, reason]),
  );
