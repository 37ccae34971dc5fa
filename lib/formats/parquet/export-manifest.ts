// What exports have put at a target: one sealed file a run, numbered, so that the next run goes on where they ended.
import { placeError, ToolError, EXIT } from "../../records/error.ts";
import type { Target } from "../../targets/target.ts";
import { decodeSealed, encodeSealed } from "../sealed-json.ts";

export const EXPORT_FORMAT = 1;
const DIR = "_manifest/";

export interface ExportRun {
  readonly format: number;
  readonly number: number;
  readonly as: "parquet";
  /** The last sequence of each session that this run exported, by home id and session id. */
  readonly sessions: { readonly [key: string]: number | string };
  readonly parts: readonly ExportPart[];
}

export interface ExportPart {
  readonly key: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export const sessionKey = (homeId: string, id: string): string => `${homeId}/${id}`;

/** All runs, oldest first. A damaged one → E_MANIFEST_DAMAGED (6): the parts that it lists cannot be distinguished from leftovers. */
export async function listExportRuns(target: Target): Promise<ExportRun[]> {
  const runs: ExportRun[] = [];
  for await (const { key } of target.list(DIR)) {
    if (!/^_manifest\/\d{6}\.json$/.test(key)) continue;
    const bytes = await target.get(key);
    const run = bytes && (decodeSealed(bytes) as unknown as ExportRun | undefined);
    if (run?.format !== EXPORT_FORMAT) {
      throw placeError(
        "E_MANIFEST_DAMAGED",
        `${target.url}/${key} is not a valid export manifest`,
        "export into a new target",
      );
    }
    runs.push(run);
  }
  return runs;
}

/** Adds a run; another one that was quicker → E_BUSY (5). */
export async function addExportRun(target: Target, run: ExportRun): Promise<void> {
  const key = `${DIR}${String(run.number).padStart(6, "0")}.json`;
  try {
    await target.put(key, encodeSealed(run).bytes, { exclusive: true });
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== "E_EXISTS") throw error;
    throw new ToolError({
      code: "E_BUSY",
      message: `another export to ${target.url} finished first`,
      hint: "run it again",
      exit: EXIT.busy,
      cause: error,
    });
  }
}
