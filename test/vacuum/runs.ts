// agh-vacuum over a project of AGDD, at one present time.
import { tool } from "../../bin/agh-vacuum.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { inStorage } from "../support/agdd.ts";
import { runHere, type Ran } from "../support/memory.ts";

export const NOW = "2026-11-21T12:00:00Z";

export const vacuum = (root: string, argv: readonly string[], env = {}): Promise<Ran> =>
  runHere(tool, [...argv, "--home", root, "--now", NOW], { env: { HOME: "/nowhere", ...env } });

export const runs = (root: string, ...argv: readonly string[]): Promise<Ran> => vacuum(root, ["runs", ...argv]);

export const runActions = ({ records }: Ran): AnyRecord[] => records.filter(({ kind }) => kind === "action");
export const ids = (ran: Ran): string[] => runActions(ran).map(({ id }) => String(id));
export const idsIn = (root: string): string[] =>
  inStorage(root, (db) =>
    db
      .prepare("SELECT run_id FROM runs ORDER BY run_id")
      .all()
      .map((row) => String(row["run_id"])),
  );
