// Snapshots of which something is known: manifests with suspicions and gaps, results as a drill stores them.
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeManifest, type Manifest } from "../../lib/formats/repository/manifest.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import type { Bench } from "./tool.ts";

export const LOSS = [{ code: "DATABASE_DESTROYED", message: "agh.db is empty", evidence: {} }];

/** Writes a manifest of a plain repository anew, as a create would have that saw this. */
export function rewrite({ repo, dir }: Bench, id: string, change: Partial<Manifest>): void {
  const file = join(repo, "snapshots", `${id}.json`);
  const { digest: _, ...manifest } = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  writeFileSync(file, encodeManifest({ ...manifest, ...change }).bytes);
  forget({ dir });
}

/** This machine did not see what changed. */
export const forget = ({ dir }: Pick<Bench, "dir">): void =>
  rmSync(join(dir, "nobody", ".local"), { recursive: true, force: true });

let number = 0;
/** The result of a drill, or of a deep verification, as one has stored it. */
export function proof({ repo }: Bench, snapshot: string, verdict: string, more: object = {}): string {
  const id = `01K${String(++number).padStart(23, "0")}`;
  const at = new Date(Date.now() - 1000 + number).toISOString();
  const findings = verdict === "failed" ? [{ code: "SEQUENCE_GAP", severity: "error", message: "a gap" }] : [];
  const home_id = "h";
  const result = {
    format: 2,
    id,
    snapshot,
    home_id,
    toolkit: "0",
    started_at: at,
    finished_at: at,
    verdict,
    counts: {},
    findings,
    ...more,
  };
  const drills = join(repo, "drills");
  mkdirSync(drills, { recursive: true });
  writeFileSync(join(drills, `${id}.json`), encodeSealed(result).bytes);
  return id;
}

export async function history(repo: Bench, home: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at++) {
    appendFileSync(join(home, "config.toml"), `# ${at}\n`);
    ids.push(String((await repo.create(home, "--home-id", "h"))["id"]));
  }
  return ids;
}

/** A home of one small session. */
export const small = { sessions: 1, events: 2 };
