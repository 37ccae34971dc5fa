// Journals of version 0.1: absolute paths, and no word on what their steps saw.
import { locate, pathWithin, type Roots } from "./locations.ts";
import type { Journal, ReadJournal } from "./format.ts";
import type { Location, RowChange, Stamp, Step } from "./steps.ts";

export interface Format1 {
  readonly run: string;
  readonly tool: string;
  readonly home_id: string;
  readonly steps: readonly Step1[];
  readonly rows?: readonly RowChange[];
  readonly times?: { readonly [directory: string]: string };
}

type Step1 =
  | { readonly do: "rows"; readonly files: readonly string[]; readonly own_home: boolean }
  | { readonly do: "move" | "put"; readonly from: string; readonly to: string }
  | { readonly do: "aside"; readonly path: string; readonly to: string }
  | { readonly do: "remove"; readonly path: string; readonly tree?: boolean }
  | {
      readonly do: "swap";
      readonly path: string;
      readonly from: Stamp | null;
      readonly to: Stamp | null;
      readonly staged?: string;
      readonly kept?: string;
    }
  | { readonly do: "mode"; readonly path: string; readonly from: number; readonly to: number };

/** Tools whose finished runs are kept. */
const KEPT: ReadonlySet<string> = new Set(["agh-reconcile apply", "agh-reconcile rows"]);
const UNDO = "agh-reconcile undo";
const RESTORE = "agh-backup restore";
/** A database, what lies beside it, and what was moved aside in favour of it are changed together. */
const DATABASE = /\.db(?:\.corrupt\.[^/]*)?(?:-wal|-shm|-journal)?$/;

/** Fails where a path lies outside the home's roots. */
export function fromFormat1(found: Format1, roots: Roots): ReadJournal {
  const { run, tool, home_id, steps, rows, times } = found;
  try {
    const at = (path: string): Location => locate(roots, path);
    const journal: Journal = {
      format: 1,
      run,
      tool,
      home: null,
      home_id,
      direction: tool === UNDO ? "back" : "forward",
      keep: KEPT.has(tool),
      steps: steps.map((step) => (tool === RESTORE ? replacing(stepOf(step, at)) : stepOf(step, at))),
      ...(rows && { rows }),
      ...(times && { times: Object.fromEntries(Object.entries(times).map(([dir, ns]) => [at(dir), ns])) }),
    };
    return { journal };
  } catch (error) {
    return { problem: `its journal cannot be obeyed here: ${(error as Error).message}` };
  }
}

/** A restore in place is finished whatever came since: half of another home is none. */
function replacing(step: Step): Step {
  if (step.do !== "move") return step;
  const { removes: _, ...move } = step;
  const place = step.to.startsWith("trash:") ? step.from : step.to;
  return { ...move, displace: true, group: pathWithin(place).replace(DATABASE, ".db") };
}

function stepOf(step: Step1, at: (path: string) => Location): Step {
  switch (step.do) {
    case "rows":
      return { do: "insert-rows", files: step.files.map((name) => `run:${name}`), own_home: step.own_home };
    case "move":
      return { do: "move", from: at(step.from), to: at(step.to) };
    case "put":
      return { do: "move", from: at(step.from), to: at(step.to), replace: true };
    case "aside":
      return { do: "move", from: at(step.path), to: at(step.to), removes: true };
    case "remove":
      return { do: "remove", path: at(step.path) };
    case "mode":
      return { ...step, path: at(step.path) };
    case "swap":
      return {
        do: "swap",
        path: at(step.path),
        group: pathWithin(at(step.path)).replace(DATABASE, ".db"),
        from: step.from,
        to: step.to,
        ...(step.staged !== undefined && { staged: at(step.staged) }),
        ...(step.kept !== undefined && { kept: at(step.kept) }),
      };
    default:
      throw new Error(`its steps are of a kind that is not known: ${JSON.stringify((step as { do: unknown }).do)}`);
  }
}
