// The result of a restore drill, or of a deep verification, as it is kept in the repository.
import { EXIT, ToolError } from "../../records/error.ts";
import { DRILLS, drillKey, nameIn } from "./layout.ts";
import type { Repository } from "./repository.ts";
import { decodeSealed, encodeSealed, isShallow } from "../sealed-json.ts";
import { isUlid } from "../ulid.ts";

export interface DrillResult {
  readonly format: number;
  /** ULID. */
  readonly id: string;
  readonly snapshot: string;
  /** Null where the snapshot could not be read. */
  readonly home_id: string | null;
  readonly toolkit: string;
  readonly started_at: string;
  readonly finished_at: string;
  /** `not run`: it could not be carried out, and says nothing about the snapshot. */
  readonly verdict: "passed" | "failed" | "not run";
  /** Absent for a drill. A deep verification proves bytes, never meaning: that it passed makes no snapshot good. */
  readonly by?: "verify";
  /** What was looked at: how many of each. */
  readonly counts: { readonly [what: string]: number };
  /** The first of what was found. */
  readonly findings: readonly DrillFinding[];
}

export interface DrillFinding {
  readonly id?: string | undefined;
  readonly code: string;
  readonly severity: string;
  readonly message: string;
}

/** Signed where the key is at hand; without a signature it is an opinion as good as any. */
export const putDrill = (repo: Repository, result: DrillResult): Promise<void> =>
  repo.putObject(drillKey(result.id), encodeSealed(result).bytes);

/** Results, newest first; a damaged one, or one whose signature is not the repository's, goes to `problem` and is left out. */
export async function* listDrills(repo: Repository, problem: (error: ToolError) => void): AsyncGenerator<DrillResult> {
  const keys: string[] = [];
  for await (const { key } of repo.target.list(DRILLS)) if (isUlid(nameIn(key))) keys.push(key);
  for (const key of keys.sort().reverse()) {
    const bytes = await repo.target.get(key);
    if (!bytes) continue; // removed since it was listed
    const result = decodeDrill(bytes);
    const isSound = result?.id === nameIn(key) && (await repo.signatureOf(key, bytes)) !== "forged";
    if (isSound) yield result;
    else problem(damaged(`${repo.url}/${key}`));
  }
}

/** Undefined when it is not what was written, or nothing that a drill would write. */
export function decodeDrill(bytes: Buffer): DrillResult | undefined {
  const value = decodeSealed(bytes) as unknown as DrillResult | undefined;
  return value && isDrill(value) ? value : undefined;
}

const VERDICTS: ReadonlySet<unknown> = new Set<DrillResult["verdict"]>(["passed", "failed", "not run"]);
const isText = (value: unknown): boolean => typeof value === "string";
const isTime = (value: unknown): boolean => isText(value) && !Number.isNaN(Date.parse(value as string));

/** A digest can be made by anybody who may write to the repository. */
const isDrill = (value: DrillResult): boolean =>
  isShallow(value) &&
  isText(value.snapshot) &&
  (value.home_id === null || isText(value.home_id)) &&
  isText(value.toolkit) &&
  isTime(value.started_at) &&
  isTime(value.finished_at) &&
  VERDICTS.has(value.verdict) &&
  (value.by === undefined || value.by === "verify") &&
  typeof value.counts === "object" &&
  value.counts !== null &&
  Array.isArray(value.findings) &&
  value.findings.every((found) => isText(found?.code) && isText(found.severity) && isText(found.message));

const damaged = (what: string): ToolError =>
  new ToolError({
    code: "E_DRILL_DAMAGED",
    message: `${what} is not a valid drill result`,
    hint: "remove it and drill again",
    exit: EXIT.partial,
  });
