// Damages homes, runs agh-reconcile on them, and checks that an undo restores every byte.
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { tool } from "../../bin/agh-reconcile.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { sql } from "../sources/agh/boot-world.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { treeState } from "../support/tree.ts";

/** Just after the homes were written. */
export const NOW = "2026-11-21T09:00:00Z";

export const reconcile = (args: readonly string[], home: string, stdin = ""): Promise<Ran> =>
  runHere(tool, [...args, "--home", home, "--now", NOW, "--json"], { stdin, env: { PATH: process.env["PATH"]! } });

export const ofKind = ({ records }: Ran, kind: string): AnyRecord[] => records.filter((one) => one.kind === kind);

/** `severity CODE id` of each finding. */
export const findingLines = (ran: Ran): string[] =>
  ofKind(ran, "finding").map(({ severity, code, id }) => `${severity} ${code} ${id ?? "-"}`);

export const codes = (ran: Ran): string[] => ofKind(ran, "finding").map(({ code }) => String(code));

export const summaryOf = ({ records }: Ran): AnyRecord & { readonly run: string } => records.at(-1) as never;

/** Names, types, modes, bytes and times; the toolkit's own state is none of the home. */
export function stateOf(home: string): readonly string[] {
  return [...treeState(home)]
    .filter(([name]) => !name.startsWith(".agh-toolkit"))
    .map(([name, { type, mode, size, mtimeNs, content }]) => {
      // Node gives a directory its time back to the microsecond.
      const time = type === "directory" ? BigInt(mtimeNs) / 1000n : mtimeNs;
      return [name, type, mode, type === "directory" ? "" : size, time, content].join(" ");
    });
}

/** Applies the plan, runs `look`, takes it back, and holds the home against what it was. */
export async function appliedAndUndone(home: string, look: (applied: Ran) => void | Promise<void>): Promise<void> {
  const before = stateOf(home);
  const applied = await reconcile(["plan", "--apply"], home);
  assert.equal(applied.code, 0, applied.stderr);
  await look(applied);
  const undone = await reconcile(["undo", summaryOf(applied).run, "--apply"], home);
  assert.equal(undone.code, 0, undone.stderr);
  assert.deepEqual(stateOf(home), before);
}

/** Leaves a whole, stopped session only in some stores, by the letters of the truth table. */
export function leaveIn(home: string, id: string, stores: string): void {
  const [row, meta, events, ledger, archive] = [..."RMELA"].map((letter) => stores.includes(letter));
  const dir = join(home, "sessions", id);
  if (archive) cpSync(dir, join(home, "session-archive", id), { recursive: true, preserveTimestamps: true });
  if (!row) sql(join(home, "agh.db"), `PRAGMA foreign_keys = OFF; DELETE FROM sessions WHERE id = '${id}'`);
  if (!meta && !events) rmSync(dir, { recursive: true });
  else if (!meta) truncateSync(join(dir, "meta.json"), 41);
  if (!events) rmSync(join(dir, "events.db"), { force: true });
  if (!ledger) rmSync(ledgerDir(home, id), { recursive: true });
}

export function ledgerDir(home: string, id: string): string {
  const partition = readdirSync(join(home, "sessions")).find(
    (name) => name.startsWith("ws_") && readdirSync(join(home, "sessions", name)).includes(id),
  );
  return join(home, "sessions", partition!, id);
}

/** Leaves what statements changed in the WAL only, as a daemon does that was killed. */
export function leaveInWal(file: string, statements: string): void {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF; ${statements}`);
  const pair = ["", "-wal"].map((suffix) => [file + suffix, readFileSync(file + suffix)] as const);
  db.close();
  for (const [path, bytes] of pair) writeFileSync(path, bytes);
}
