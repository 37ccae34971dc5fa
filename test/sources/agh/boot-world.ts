// What the tests of the boot prediction share: a prediction, and homes bent by hand.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../lib/records/deps.ts";
import type { BootChange } from "../../../lib/sources/agh/boot/boot-catalog.ts";
import { predictBoot } from "../../../lib/sources/agh/boot/predict-boot.ts";
import type { Home } from "../../../lib/sources/source.ts";

/** Just after the homes were written. */
export const NOW = "2026-11-21T09:00:00Z";

export function depsOf(more: Partial<Deps> = {}): Deps {
  return {
    now: () => new Date(NOW),
    signal: new AbortController().signal,
    log: { debug() {}, info() {}, problem() {} },
    progress: { update() {} },
    env: {},
    platform: process.platform,
    isAlive: () => false,
    ...more,
  };
}

export const homeAt = (root: string): Home => ({ runtime: "agh", place: root, root, id: "0", live: true });

export interface Predicted {
  readonly starts: boolean;
  readonly refusals: readonly string[];
  readonly changes: readonly BootChange[];
}

export async function predicted(root: string, more: Partial<Deps> = {}): Promise<Predicted> {
  const { starts, refusals, changes } = await predictBoot(homeAt(root), depsOf(more));
  return { starts, refusals, changes: changes as BootChange[] };
}

/** Changes of one sort as `id`, in order. */
export const idsOf = ({ changes }: Predicted, change: string): string[] =>
  changes.filter((one) => one.change === change).map(({ id }) => id);

export function sql(file: string, ...statements: readonly string[]): void {
  const db = new DatabaseSync(file);
  try {
    for (const statement of statements) db.exec(statement);
  } finally {
    db.close();
  }
}

export function editMeta(root: string, id: string, changes: object): void {
  const file = join(root, "sessions", id, "meta.json");
  const meta = JSON.parse(readFileSync(file, "utf8")) as object;
  writeFileSync(file, JSON.stringify({ ...meta, ...changes }));
}
