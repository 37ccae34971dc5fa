// What may be wrong with talks in files, and what repairs it: a line that was torn is cut off, a talk without an end is ended.
import { chmodSync, lstatSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  ToolError,
  type CheckedHome,
  type CheckFinding,
  type ChosenRepair,
  type Deps,
  type Home,
  type Repairer,
  type RepairContext,
  type Step,
} from "../../../lib/index.ts";
import { sessionRecord } from "./records.ts";
import { RULES, VERBS } from "./rules.ts";
import { readTalk, talkFile, talkIds } from "./talks.ts";

export const repairer: Repairer = {
  title: "quill",
  rules: RULES,
  verbs: VERBS,
  check: async (home, _options, deps) => checkHome(home, deps),
};

function checkHome(home: Home, deps: Deps): CheckedHome {
  const sessions = talkIds(home.root);
  return {
    sessions,
    findings: sessions.flatMap((id) => findingsOf(home, id, deps)),
    repair: async (chosen, context) => repair(home, chosen, context),
  };
}

function findingsOf(home: Home, id: string, deps: Deps): CheckFinding[] {
  try {
    const talk = readTalk(home.root, id)!;
    const found: CheckFinding[] = [];
    const about = { id, evidence: { path: talkFile(home.root, id), bytes: talk.bytes } };
    const expect = { bytes: talk.bytes };
    const { effective } = sessionRecord(home, { ...talk, torn: 0 }, "file", deps);
    const verb = { subject: { session_id: id }, expect };
    if (talk.torn > 0) {
      const message = `${talk.torn} bytes after the last whole line`;
      found.push({ ...about, code: "TALK_TORN", message, action: { ...verb, verb: "cut-line", loses: "half a line" } });
    } else if (effective === "dead") {
      const message = "it did not end, and its process is gone";
      found.push({ ...about, code: "TALK_OPEN", message, action: { ...verb, verb: "end-talk", loses: null } });
    }
    return found;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return [{ id, code: "TALK_DAMAGED", message: error.message, evidence: {} }];
  }
}

/** Each in a group of its own; what was changed since the check is left. */
function repair(home: Home, chosen: readonly ChosenRepair[], { run, commit, deps }: RepairContext) {
  const steps: Step[] = [];
  const reasons = chosen.map(({ repair: { verb, subject, expect } }) => {
    const id = String(subject["session_id"]);
    const file = talkFile(home.root, id);
    const now = lstatSync(file, { throwIfNoEntry: false });
    if (!now || now.size !== expect["bytes"]) return "the talk was written to since the check";
    const bytes = readFileSync(file);
    const staged = join(run.directory("new"), basename(file));
    const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
    const end = `${JSON.stringify({ at: deps.now().toISOString(), end: "ended by agh-reconcile" })}\n`;
    writeFileSync(staged, verb === "cut-line" ? whole : Buffer.concat([whole, Buffer.from(end)]));
    chmodSync(staged, now.mode & 0o7777);
    run.directory("old");
    steps.push({
      do: "swap",
      path: run.locate(file),
      from: run.seen(file),
      to: null,
      staged: run.locate(staged),
      kept: run.locate(join(run.staging, "old", basename(file))),
      group: id,
    });
    return undefined;
  });
  if (steps.length > 0) commit({ steps });
  return Promise.resolve(reasons);
}
