// A run of plan --apply that was killed between two of its steps, with a journal of this version or of the one before.
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scratchDir } from "../../lib/files/scratch.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { timeOfDirectory } from "../../lib/journal/directory-times.ts";
import { executeSteps } from "../../lib/journal/execute.ts";
import { JOURNAL_FORMAT, type Journal } from "../../lib/journal/format.ts";
import { claimIdentity } from "../../lib/journal/identity.ts";
import type { JournalHome } from "../../lib/journal/journal-home.ts";
import { resolveLocation, rootsOf, runDir } from "../../lib/journal/locations.ts";
import { reverseStep } from "../../lib/journal/reverse.ts";
import { Run } from "../../lib/journal/run.ts";
import { readJournal, writeJournal } from "../../lib/journal/runs.ts";
import type { Step } from "../../lib/journal/steps.ts";
import { journalHome } from "../../lib/places/journal-home.ts";
import { openPlace } from "../../lib/places/place.ts";
import { planRepairs } from "../../lib/reconcile/plan.ts";
import { depsOf } from "../sources/agh/boot-world.ts";

export interface KilledRun {
  readonly run: string;
  readonly steps: readonly Step[];
}

export interface Killed {
  /** Steps that were done. */
  readonly after: number;
  readonly format?: 1 | 2;
  /** It came to its end. */
  readonly isFinished?: boolean;
}

const PLANNED = { level: "full", codes: [], sessions: [], prefer: undefined, repo: undefined, toolkit: "0" } as const;

export async function killedApply(home: string, { after, format = 2, isFinished = false }: Killed): Promise<KilledRun> {
  const deps = depsOf();
  using scratch = scratchDir({});
  using opened = await openPlace(home, {}, deps);
  const homeTime = timeOfDirectory(home);
  const journal = await journalHome(opened, deps);
  const { actions, checked } = await planRepairs(opened, PLANNED, scratch, deps);
  const id = ulid(new Date());
  // Never disposed of: that would tidy up.
  const run = Run.begin(journal, "agh-reconcile apply", id);
  let steps: readonly Step[] = [];
  await checked.repair(actions, { run, commit: (change) => void (steps = change.steps!), deps });
  const dirs = steps.map((step) => dirname(run.resolve((step as { path: string }).path)));
  const times = {
    ...Object.fromEntries(dirs.map((dir) => [run.locate(dir), timeOfDirectory(dir)])),
    "home:": homeTime,
  };
  const written: Journal = {
    format: JOURNAL_FORMAT,
    run: id,
    tool: "agh-reconcile apply",
    home: claimIdentity(journal).id,
    home_id: journal.id,
    direction: "forward",
    keep: true,
    steps,
    times,
  };
  if (format === 2) writeJournal(home, written);
  else writeFormat1(journal, written);
  executeSteps(journal, { ...written, steps: steps.slice(0, after) });
  if (isFinished) renameSync(join(runDir(home, id), "journal.json"), join(runDir(home, id), "done.json"));
  return { run: id, steps };
}

/** The undo of a finished run, by version 0.1, that was killed after some of its steps: what had come is not kept. */
export async function killedUndo1(home: string, { run, steps }: KilledRun, after: number): Promise<void> {
  using opened = await openPlace(home, {}, depsOf());
  const journal = await journalHome(opened, depsOf());
  const back = steps.toReversed().map((step): Step => {
    const turned = reverseStep(step)!;
    if (turned.do !== "swap") return turned;
    const { kept: _, ...rest } = turned;
    return rest;
  });
  const read = readJournal(journal, run);
  if (!read || !("journal" in read)) throw new Error("no journal");
  const undo: Journal = { ...read.journal, tool: "agh-reconcile undo", direction: "back", keep: false, steps: back };
  writeFormat1(journal, undo);
  executeSteps(journal, { ...undo, steps: back.slice(0, after) });
}

/** As version 0.1 wrote it: absolute paths, no identity of the home. */
export function writeFormat1(journal: JournalHome, { run, tool, home_id, steps, rows, times = {} }: Journal): void {
  const at = (location: string): string => resolveLocation(rootsOf(journal, run), location);
  const old = {
    format: 1,
    run,
    tool,
    home_id,
    steps: steps.map((step) => {
      if (step.do !== "swap") return "path" in step ? { ...step, path: at(step.path) } : step;
      const { path, from, to, staged, kept } = step;
      return {
        do: "swap",
        path: at(path),
        from,
        to,
        ...(staged !== undefined && { staged: at(staged) }),
        ...(kept !== undefined && { kept: at(kept) }),
      };
    }),
    ...(rows && { rows }),
    times: Object.fromEntries(Object.entries(times).map(([dir, ns]) => [at(dir), ns])),
  };
  writeFileSync(join(runDir(journal.root, run), "journal.json"), encodeSealed(old).bytes, { mode: 0o600 });
  rmSync(join(journal.root, ".agh-toolkit/home.json"), { force: true });
}
