// What the tests of agh-ledger share: homes, their ledgers, and the command in process.
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { tool } from "../../bin/agh-ledger.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";

/** Runs `agh-ledger …` on a home. */
export const ledger = (home: string, ...argv: string[]): Promise<Ran> =>
  runHere(tool, [...argv, "--home", home], { env: { HOME: "/nowhere", TMPDIR: path.dirname(home) } });

/** Runs it without a home. */
export const bare = (argv: readonly string[], stdin = ""): Promise<Ran> =>
  runHere(tool, argv, { env: { HOME: "/nowhere" }, stdin });

/** Session id to ledger file. */
export function ledgersOf(home: string): Map<string, string> {
  const files = fs.globSync("sessions/*/*/ledger.jsonl", { cwd: home }).sort();
  return new Map(files.map((file) => [path.basename(path.dirname(file)), path.join(home, file)]));
}

/** A made home of one session, and its ledger. */
export function oneSession(t: TestContext, events = 20): { home: string; id: string; file: string } {
  const { home } = madeHome(t, { sessions: 1, events, seed: 3 });
  const [[id, file]] = [...ledgersOf(home)] as [[string, string]];
  return { home, id, file };
}

export function inEvents(home: string, id: string, sql: string): void {
  const db = new DatabaseSync(path.join(home, "sessions", id, "events.db"));
  db.exec(sql);
  db.close();
}

/** Puts new content into a file that may be read-only, behind everybody's back. */
export function overwrite(file: string, content: string | Uint8Array): void {
  fs.rmSync(file, { force: true });
  fs.writeFileSync(file, content);
}
