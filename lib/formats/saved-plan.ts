// A saved plan: the action records that a dry run printed, perhaps edited, read back and held against what they name.
import { readFileSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import { readSelection } from "../records/read-selection.ts";
import type { AnyRecord } from "../records/record.ts";

/** The planned actions of a file. Missing → 6; broken → 2; one that others may write to → 4. */
export async function readSavedPlan(path: string): Promise<readonly AnyRecord[]> {
  let bytes: Buffer;
  try {
    const { mode } = statSync(osPath(path));
    if ((mode & 0o022) !== 0) {
      throw refusal("E_UNSAFE_MODE", `others may write to ${path}: the plan may be changed`, `chmod go-w ${path}`);
    }
    bytes = readFileSync(osPath(path));
  } catch (error) {
    throw toFileError(path, "read", error);
  }
  const { records, ids } = await readSelection(Readable.from([bytes]), { acts: ["action"] });
  if (ids.length > 0)
    throw usageError(`${path} contains '${ids[0]!.slice(0, 40)}', which is not a record`, "name a saved plan");
  return records;
}

/** As actions that are still to be done. An unknown verb, or one without its parts → 2. */
export function plannedActions(records: readonly AnyRecord[], verbs: readonly string[]): Action[] {
  return records
    .filter(({ state }) => state === "planned")
    .map((record, at) => {
      const { verb, id, subject } = record as { verb?: unknown; id?: unknown; subject?: unknown };
      if (typeof verb !== "string" || !verbs.includes(verb)) {
        throw usageError(
          `action ${at + 1} of the plan has the verb ${JSON.stringify(verb)}`,
          `the verbs are ${verbs.join(", ")}`,
        );
      }
      if (typeof id !== "string" || typeof subject !== "object" || subject === null) {
        throw usageError(`action ${at + 1} of the plan (${verb}) lacks its id or subject`);
      }
      return record as unknown as Action;
    });
}
