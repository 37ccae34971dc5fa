// What the tests of agh-vacuum share: the commands in process, and sessions whose age and size are known.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as inspectTool } from "../../bin/agh-inspect.ts";
import { tool as reconcileTool } from "../../bin/agh-reconcile.ts";
import { tool as vacuumTool } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { treeState } from "../support/tree.ts";

/** Just after the homes were written. */
export const NOW = "2026-11-21T09:00:00Z";

const runIn =
  (tool: Tool) =>
  (args: readonly string[], home: string, world: { stdin?: string; env?: Record<string, string> } = {}): Promise<Ran> =>
    runHere(tool, [...args, "--home", home, "--now", NOW, "--json"], world);

export const vacuum = runIn(vacuumTool);
export const inspect = runIn(inspectTool);
export const reconcile = runIn(reconcileTool);

/** Stdin brings its own home; there is no --home. */
export const vacuumFrom = (args: readonly string[], stdin: string): Promise<Ran> =>
  runHere(vacuumTool, [...args, "--now", NOW, "--json"], { stdin });

export const archive = (...args: readonly string[]): Promise<Ran> => runHere(archiveTool, [...args, "--json"]);

/** Archives sessions (all stopped ones unless named) into the home's own session-archive, or `to`. */
export async function putAll(home: string, ids: readonly string[] = [], to?: string): Promise<Ran> {
  const which = ids.length > 0 ? ids : ["--state", "stopped"];
  const put = await archive("put", ...which, "--home", home, ...(to === undefined ? [] : ["--to", to]));
  assert.equal(put.code, 0, put.stderr);
  return put;
}

export const actions = ({ records }: Ran, state?: string): AnyRecord[] =>
  records.filter((record) => record.kind === "action" && (state === undefined || record["state"] === state));

export const idsOf = (records: readonly AnyRecord[]): string[] => records.map(({ id }) => String(id)).sort();

export const summaryOf = ({ records }: Ran): AnyRecord => records.at(-1)!;

/** Eight stopped sessions over sixty days, all archived in the home. */
export async function archivedHome(t: TestContext, seed = 5): Promise<string> {
  const { home } = madeHome(t, { sessions: 8, events: 6, seed });
  await putAll(home);
  return home;
}

export interface Known {
  readonly id: string;
  /** Milliseconds since 1970 of its last event. */
  readonly at: number;
  /** Of its directory and its ledger's. */
  readonly bytes: number;
  readonly agent: string;
  /** Claims life. */
  readonly live: boolean;
}

/** The sessions that have a directory, oldest first, read without the toolkit. */
export function knownIn(home: string): Known[] {
  const dir = path.join(home, "sessions");
  const found = fs.readdirSync(dir).filter((name) => fs.existsSync(path.join(dir, name, "meta.json")));
  return found
    .map((id) => {
      const meta = JSON.parse(fs.readFileSync(path.join(dir, id, "meta.json"), "utf8")) as Record<string, string>;
      const ledger = path.join(dir, meta["workspace_id"]!, id);
      const bytes = sizeBelow(path.join(dir, id)) + sizeBelow(ledger);
      const live = meta["state"] !== "stopped";
      return { id, at: lastEventIn(path.join(dir, id, "events.db")), bytes, agent: meta["agent_name"]!, live };
    })
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

/** In a copy, whose WAL counts. */
function lastEventIn(file: string): number {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), "last-event-"));
  for (const suffix of ["", "-wal"]) {
    if (fs.existsSync(file + suffix)) fs.copyFileSync(file + suffix, path.join(copy, `db${suffix}`));
  }
  const db = new DatabaseSync(path.join(copy, "db"));
  const row = db.prepare("SELECT timestamp FROM events ORDER BY sequence DESC LIMIT 1").get();
  db.close();
  fs.rmSync(copy, { recursive: true });
  return Date.parse(String(row?.["timestamp"]));
}

/** Of all files but the indexes of WALs. */
export function sizeBelow(dir: string): number {
  if (!fs.existsSync(dir)) return 0;
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith("-shm"))
    .reduce((sum, { parentPath, name }) => sum + fs.statSync(path.join(parentPath, name)).size, 0);
}

/** Names, types, modes, bytes and files' times, but for the toolkit's own and the archives. */
export function stateOf(home: string): string[] {
  return [...treeState(home)]
    .filter(([name]) => !/^(?:\.agh-toolkit|session-archive)(?:\/|$)/.test(name))
    .map(([name, { type, mode, mtimeNs, content }]) =>
      // A file gets its time back to the microsecond; a directory's tells when names came and went.
      [name, type, mode, type === "directory" ? "" : BigInt(mtimeNs) / 1000n, content].join(" "),
    );
}

/** Changes a stopped session's meta.json, as text. */
export function editMeta(home: string, id: string, change: (meta: Record<string, unknown>) => void): void {
  const file = path.join(home, "sessions", id, "meta.json");
  const meta = JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>;
  change(meta);
  fs.writeFileSync(file, `${JSON.stringify(meta, null, 2)}\n`);
}

export const tombstones = (home: string): string[] => {
  const dir = path.join(home, ".agh-toolkit/tombstones");
  return fs.existsSync(dir) ? fs.readdirSync(dir).sort() : [];
};

export const sessionDirs = (home: string): string[] =>
  fs.readdirSync(path.join(home, "sessions")).filter((name) => name.startsWith("sess-"));
