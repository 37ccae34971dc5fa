// Makes what repairs need beside the home, and the steps that put it there: nothing of the home is touched yet.
import { readFileSync, writeFileSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { toFileError } from "../../../files/errors.ts";
import type { Run } from "../../../journal/run.ts";
import type { Step } from "../../../journal/steps.ts";
import type { ChosenRepair } from "../../repair.ts";
import { classifyMeta } from "../boot/classify-meta.ts";
import type { CheckContext } from "../checks/check-types.ts";
import { exactJson, findMetaSource, metaText, rebuildMeta, type MetaFields } from "../checks/rebuild-meta.ts";
import { readLastEvent } from "../events/last-event.ts";
import { readCatalog } from "../home/databases.ts";
import { META } from "../home/layout.ts";
import { stageDatabases } from "./stage-databases.ts";
import { Staging } from "./staging.ts";

export function stageRepairs(repairs: readonly ChosenRepair[], context: CheckContext, run: Run): Step[] {
  const staging = new Staging(run);
  try {
    stageDatabases(repairs, context, staging);
    for (const chosen of repairs) stageFile(chosen, context, staging);
  } catch (error) {
    throw toFileError(run.staging, "write below", error);
  }
  return staging.steps;
}

function stageFile(chosen: ChosenRepair, context: CheckContext, staging: Staging): void {
  const { repair, found } = chosen;
  const { verb, subject, expect } = repair;
  const path = String(subject["path"]);
  switch (verb) {
    case "chmod":
      return staging.stageMode(path, octal(expect["mode"]), octal(subject["mode"]));
    case "trash":
      return staging.stageRemoval(path, {
        kept: `trash:${path.slice(context.home.root.length + 1).replaceAll("/", "__")}`,
      });
    case "classify":
    case "rebuild-meta": {
      const text = verb === "classify" ? readClassifiedMeta(path, context) : readRebuiltMeta(found.id!, context);
      const file = staging.freshPath(path);
      writeFileSync(osPath(file), text, { mode: 0o600 });
      staging.stageReplacement(path, file, { group: found.id!, mode: 0o644 });
    }
  }
}

const octal = (mode: unknown): number => Number.parseInt(String(mode), 8);

/** The meta as AGH's next start would write it. */
function readClassifiedMeta(path: string, { sessions, home, deps }: CheckContext): string {
  const meta = exactJson(readFileSync(osPath(path), "utf8")) as MetaFields;
  const plain = sessions.find(({ dir }) => dir && joinPath(dir.path, META) === path)!.dir!.meta!;
  const stopped = classifyMeta(plain, home, deps)!;
  const { acp_session_id: acp, ...rest } = meta;
  const kept = plain.state.trim() === "starting" ? rest : { ...rest, acp_session_id: acp };
  return metaText({ ...kept, ...stopped, updated_at: deps.now().toISOString() });
}

function readRebuiltMeta(id: string, context: CheckContext): string {
  const { sessions, catalogRoot, deps } = context;
  const known = sessions.find((one) => one.id === id)!;
  const from = findMetaSource(known, context)!;
  const { last_event_at: last } = readLastEvent(known.dir!.path, deps);
  return readCatalog(catalogRoot, deps, (db) => rebuildMeta(known.id, from, db, last));
}
