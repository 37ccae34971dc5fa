// Which runs of AGDD a retention takes: none that is alive, none of whose children stays, none that bears a time it cannot have.

export interface RunFacts {
  readonly id: string;
  readonly parent: string | null;
  readonly running: boolean;
  /** Milliseconds since 1970 of everything that happened in it; NaN for a stamp that is none. */
  readonly started: number;
  readonly ended: number | undefined;
  readonly lastEvent: number | undefined;
}

export interface RunRetention {
  /** Runs with anything from then on stay. */
  readonly cutoff: number;
  readonly now: number;
  /** Runs that claim to be running go as well when nothing of them is from then on; undefined keeps them all. */
  readonly staleBefore: number | undefined;
}

/** Why a run stays; `young` is one that the retention does not mean. */
export type KeepReason = "young" | "running" | "child" | "unsure" | "unarchived";

/** Midnight UTC of today, so many days ago: as AGDD counts its hot days. */
export const hotSince = (now: Date, days: number): number =>
  Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()) - days * DAY_MS;

const DAY_MS = 86_400_000;

/** Every run that stays, and why; the others go. */
export function computeKeptRuns(runs: readonly RunFacts[], retention: RunRetention): Map<string, KeepReason> {
  const stay = new Map<string, KeepReason>();
  for (const run of runs) {
    const why = reasonOf(run, retention);
    if (why !== undefined) stay.set(run.id, why);
  }
  keepParents(runs, stay);
  return stay;
}

/** What has a time from the future may be younger than it says: a clock is not trusted. */
function reasonOf(run: RunFacts, { cutoff, now, staleBefore }: RunRetention): KeepReason | undefined {
  const times = [run.started, run.ended, run.lastEvent].filter((time) => time !== undefined);
  const newest = Math.max(...times);
  if (Number.isNaN(newest) || newest > now) return "unsure";
  if (!run.running) return newest >= cutoff ? "young" : undefined;
  if (run.started >= cutoff) return "young";
  return staleBefore === undefined || newest >= Math.min(staleBefore, cutoff) ? "running" : undefined;
}

/** Keeps these as well, and all that stands above them. */
export function keepAlso(
  runs: readonly RunFacts[],
  stay: Map<string, KeepReason>,
  ids: Iterable<string>,
  why: KeepReason,
): void {
  for (const id of ids) stay.set(id, why);
  keepParents(runs, stay);
}

/** A parent that goes takes its children with it: where one stays, so does the whole line above it. */
function keepParents(runs: readonly RunFacts[], stay: Map<string, KeepReason>): void {
  const parents = new Map(runs.map(({ id, parent }) => [id, parent]));
  for (const id of stay.keys()) {
    for (
      let parent = parents.get(id) ?? null;
      parent !== null && !stay.has(parent);
      parent = parents.get(parent) ?? null
    ) {
      if (!parents.has(parent)) break;
      stay.set(parent, "child");
    }
  }
}
