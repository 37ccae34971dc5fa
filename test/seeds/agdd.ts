// Our commands over projects of AGDD, for the rows of its document.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Tool } from "../../lib/cli/verb.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeProject, putRuns } from "../support/agdd.ts";
import { runHere, type Ran } from "../support/memory.ts";

export type Env = { readonly [name: string]: string };

export const at = (tool: Tool, root: string, line: string, env: Env = {}): Promise<Ran> =>
  runHere(tool, [...words(line), "--home", root, "--now", "2026-11-21T12:00:00Z"], {
    env: { HOME: "/nowhere", ...env },
  });

export const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);

export async function ok(tool: Tool, root: string, line: string, env: Env = {}): Promise<AnyRecord[]> {
  const ran = await at(tool, root, line, env);
  assert.equal(ran.code, 0, `${line}: ${ran.stderr}`);
  return ran.records;
}

/** A project of one's own with something of everything: 40 runs, the newest of today. */
export function project(t: TestContext): string {
  const { root } = madeProject(t, { runs: 40, events: 5 });
  putRuns(root, [
    {
      id: "mag-a1b2c3d4",
      started: "2026-11-21T07:00:00+00:00",
      events: ["2026-11-21T07:00:01+00:00"],
      msg: "error: rate limit exception",
      status: "failed",
    },
  ]);
  return root;
}

export const ids = (records: readonly AnyRecord[]): string[] => records.map(({ id }) => String(id));
